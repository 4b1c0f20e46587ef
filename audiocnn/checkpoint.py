"""A model on disk: a directory with `config.json` (the `ModelSpec`) and `model.safetensors` (the weights).

`model.onnx`, which `audiocnn.export` adds, is the same network for inference without torch. Nothing here is pickled.
Reading the specification needs no torch; building the network does.
"""

import hashlib
import json
import os
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from audiocnn.errors import CheckpointError, MissingExtraError
from audiocnn.nn.heads import Heads
from audiocnn.spec import ModelSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
ONNX = "model.onnx"
PARTIAL = ".partial"
_LARGEST_HEADER = 100_000_000  # the format's own limit


def read_spec(directory: Path) -> ModelSpec:
    """The specification of the model in `directory`. Raises `CheckpointError` if there is none or it is damaged."""
    path = directory / CONFIG
    try:
        return ModelSpec.from_json(json.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise CheckpointError(f"expected a model directory with {CONFIG}, found none at {directory}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error


def weights_sha256(directory: Path) -> str:
    """The SHA-256 of the weights file, which names a model beyond doubt. Raises `CheckpointError` if it is missing."""
    try:
        return hashlib.sha256((directory / WEIGHTS).read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(f"the model at {directory} has no readable {WEIGHTS}: {error.strerror}") from error


def check_complete(directory: Path) -> None:
    """Raises `CheckpointError` if the weights are shorter or longer than their header says, as a copy that is not done.

    That needs no torch and reads the header only.
    """
    path = directory / WEIGHTS
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _LARGEST_HEADER:
                raise ValueError(f"header of {size} bytes")
            header = json.loads(file.read(size))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            expected, found = 8 + size + max(ends), path.stat().st_size
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} does not hold weights: {error}; copy it again") from error
    if found != expected:
        raise CheckpointError(f"{path} has {found} bytes where {expected} were expected; copy it again")


def read_weight(directory: Path, name: str) -> "NDArray[np.float32]":
    """One tensor of the weights in `directory`; needs no torch. Raises `CheckpointError` if it is not there."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(directory / WEIGHTS, "numpy") as weights:
            found: NDArray[np.float32] = weights.get_tensor(name)
            return found
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{directory / WEIGHTS} has no {name}: {error}") from error


def load_network(directory: Path) -> "tuple[ModelSpec, nn.Module]":
    """The specification and its network with trained weights, in evaluation mode.

    Raises `CheckpointError` if the weights do not fit the architecture, `MissingExtraError` without torch.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        from audiocnn import models
    except ImportError as error:
        raise MissingExtraError("building a network needs torch: pip install 'audiocnn[train]'") from error
    spec = read_spec(directory)
    network = models.build(spec.architecture, Heads(spec.tasks).num_outputs, spec.arguments)
    try:
        weights = load_file(directory / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{directory / WEIGHTS} cannot be read: {error}; copy the model anew") from error
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{directory / WEIGHTS} does not fit architecture {spec.architecture!r}; put weights and config.json of "
            f"one training into the folder: {textwrap.shorten(str(error), 300, placeholder=' ...')}"
        ) from error
    return spec, network.eval()


def save(directory: Path, spec: ModelSpec, network: "nn.Module") -> None:
    """Write the model into `directory`, each file atomically, the weights first.

    An ONNX file of earlier weights is removed: it would go on answering in the new ones' name.
    """
    from safetensors.torch import save as to_bytes

    directory.mkdir(parents=True, exist_ok=True)
    (directory / ONNX).unlink(missing_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    write_atomically(directory / WEIGHTS, to_bytes(weights))
    write_spec(directory, spec)


def write_spec(directory: Path, spec: ModelSpec) -> None:
    """Write the specification of the model in `directory` anew; its weights and its ONNX file stay."""
    write_atomically(directory / CONFIG, (json.dumps(spec.to_json(), indent=2, ensure_ascii=False) + "\n").encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step, so that no reader and no crash ever sees half a file.

    What kills the process may leave a hidden file with the suffix `PARTIAL` beside it.
    """
    descriptor, temporary = tempfile.mkstemp(PARTIAL, f".{path.name}.", path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
