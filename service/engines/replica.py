"""What runs in each replica: the engine of one process, asked from another."""

import dataclasses
import json
import time
import uuid
from collections.abc import Awaitable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

import audiocnn
from audiocnn import Result, pretrained
from audiocnn.errors import ConfigError, MediaError
from service.engines.local import LocalEngine
from service.engines.protocol import ClassifyRequest, Served
from service.errors import RequestError
from service.settings import Settings

T = TypeVar("T")

_SETTINGS = {"workers", "decoders", "max_upload_bytes", "max_duration_s", "max_decoded_bytes", "max_video_pixels"}


class ReplicaLostError(Exception):
    """The replica that was asked has ended."""


def replica_settings(settings: Settings) -> dict[str, Any]:
    """What replicas are to know of the settings, secrets not among it, as JSON types."""
    sources = [pretrained.portable(source) for source in settings.model_sources]
    models = {"model": sources[0], "models": ",".join(sources[1:])}
    # What waits does so before the replica; one file for each worker is let in ahead of its turn.
    return settings.model_dump(include=_SETTINGS, mode="json") | models | {"max_queue": settings.workers}


def fingerprint(given: dict[str, Any]) -> str:
    """Tells replicas of these settings and this version from others."""
    return json.dumps([audiocnn.__version__, given], sort_keys=True)


class Replica:
    """A `LocalEngine` in a process of its own.

    Errors that are to reach the client are returned and not raised: Ray would log them as failures of the replica.
    given: of `replica_settings`.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._fingerprint, self._name = fingerprint(given), uuid.uuid4().hex
        self._engine = LocalEngine(Settings(**given))
        self._engine.load()

    async def identity(self) -> tuple[str, str]:
        """What replicas of the same settings have in common, and a name that no other replica has."""
        return self._fingerprint, self._name

    async def classify(self, request: ClassifyRequest, remaining_s: float | None) -> Result | Exception:
        """remaining_s: until the deadline; clocks of two machines differ."""
        request = dataclasses.replace(request, deadline_s=_in(remaining_s))
        return await _outcome(self._engine.classify(request))

    async def infer(
        self, model: str, windows: NDArray[np.float32], remaining_s: float
    ) -> NDArray[np.float64] | Exception:
        return await _outcome(self._engine.infer(model, windows, time.monotonic() + remaining_s))

    async def reload(self, model: str) -> Served | Exception:
        return await _outcome(self._engine.reload(model))


def _in(remaining_s: float | None) -> float | None:
    return None if remaining_s is None else time.monotonic() + remaining_s


async def _outcome(work: Awaitable[T]) -> T | Exception:
    try:
        return await work
    except (MediaError, ConfigError, RequestError) as error:
        return error.with_traceback(None)
