"""Where a batch is worked on: in this process, or on a Ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from audiocnn.batch.engine import checked_workers
from audiocnn.batch.one_file import FileClassifier, loaded
from audiocnn.errors import ConfigError
from audiocnn.inference.backend import Device
from audiocnn.limits import DecodeLimits

if TYPE_CHECKING:
    from audiocnn.batch.ray_engine import RayEngine

Engine = Literal["local", "ray"]


def check_engine(engine: str) -> None:
    """Raises `ConfigError` for an engine there is not."""
    if engine not in get_args(Engine):
        raise ConfigError(f"engine must be one of {', '.join(get_args(Engine))}, got {engine!r}")


@contextmanager
def workplace(
    engine: Engine,
    ray_address: str,
    model: str | Path,
    workers: int | None,
    limits: DecodeLimits | None = None,
    *,
    window_s: float | None = None,
    hop_s: float | None = None,
    device: Device = "cpu",
) -> Iterator[tuple[FileClassifier, "RayEngine | None"]]:
    """The classifier of this process and, unless it is to do the work itself, what does so elsewhere.

    ray_address, workers: as for `audiocnn.batch.ray_engine.on_ray`; the rest as for `loaded`, whose errors it raises.
    """
    if engine == "local":
        count = checked_workers(workers)
        with loaded(model, count, limits, window_s=window_s, hop_s=hop_s, device=device) as classify:
            yield classify, None
    else:
        from audiocnn.batch.ray_engine import on_ray

        with on_ray(model, ray_address, workers, limits, window_s=window_s, hop_s=hop_s, device=device) as both:
            yield both
