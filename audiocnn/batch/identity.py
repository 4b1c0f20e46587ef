"""When an answer in the journal still holds: the file is the same, and so are the model and the settings."""

import dataclasses
import hashlib
import json
import os

from audiocnn.batch.record import VERSION
from audiocnn.limits import DecodeLimits
from audiocnn.prediction import ModelInfo
from audiocnn.spec import InputSpec, ModelSpec


def identity(path: str) -> str | None:
    """Size and time of the last change of a file, in nanoseconds; None if there is no such file.

    Cheap: the file is not read. It must be taken before the file is decoded, so that what changes meanwhile is done
    again.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a path with a zero byte
        return None
    return f"{status.st_size}:{status.st_mtime_ns}"


def fingerprint(spec: ModelSpec, model: ModelInfo, windows: InputSpec, limits: DecodeLimits) -> bytes:
    """Sixteen bytes that differ wherever answers may: by weights, labels, thresholds, windows, limits.

    windows: the input of the model as it is cut, which need not be its own.
    """
    decides = {
        "record": VERSION,
        "model": dataclasses.asdict(model),
        "tasks": {name: dataclasses.asdict(task) for name, task in spec.tasks.items()},
        "windows": dataclasses.asdict(windows),
        "limits": dataclasses.asdict(limits),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).digest()[:16]
