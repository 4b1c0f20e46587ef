"""Volumes: arrays of density such as CT scans, from NumPy's `.npy` and `.npz` files.

    bytes or path -> array -> low..high as 0..1, fitted -> [ voxels ] -> brightness -> window

Training caches `voxels`; its validation turns them into model inputs with `windows`, as `PreparedVolume` does.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import NonFiniteVisualError, UndecodableVisualError, UnsupportedVisualError
from audiocnn.isolation.messages import Message
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.prediction import VolumeInfo
from audiocnn.prepared import Window
from audiocnn.source import Source, open_source
from audiocnn.spec import VolumeSpec
from audiocnn.visual.fit import normalise_brightness, place, resampling_matrix
from audiocnn.visual.npy import read_array
from audiocnn.visual.sniff import HEAD, expect_format

Voxels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PreparedVolume:
    """A decoded volume: `voxels` are float32 from 0 to 1, `(channels, depth, height, width)` of `spec`."""

    spec: VolumeSpec
    voxels: Voxels
    info: VolumeInfo
    warnings: list[str]

    def windows(self) -> Iterator[Window]:
        """The one model input."""
        return windows(self.voxels, self.spec)


def windows(voxels: Voxels, spec: VolumeSpec) -> Iterator[Window]:
    """The one model input of `voxels`, float32 from 0 to 1, `(channels, depth, height, width)`."""
    yield Window(normalise_brightness(voxels, spec.mean, spec.deviation), segment=None)


@contextmanager
def open_volume(
    source: Source, spec: VolumeSpec, limits: DecodeLimits | None = None, decoders: DecoderPool | None = None
) -> Iterator[PreparedVolume]:
    """A volume for a model with `spec`: an array `(depth, height, width)`, or `(channels, depth, height, width)`.

    An `.npz` file must hold one array, or one called `volume`. Voxels are taken as cubes.
    decoders: where the array is read and fitted; in this process by default.
    Raises `EmptyVisualError` for no bytes or an axis of length 0, `UnsupportedVisualError` for another format, type or
    number of axes or channels, `VisualTooLargeError` beyond `limits`, `NonFiniteVisualError` for NaN and infinity,
    `UndecodableVisualError` for damaged or incomplete bytes, and what `open_source` and `decoders` raise.
    """
    limits = limits or DecodeLimits()
    with open_source(source, limits) as file:
        prepared = _elsewhere(decoders, file, spec, limits) if decoders else _decoded(file, spec, limits)
    yield prepared


def decode_volume(file: BinaryIO, spec: dict[str, Any], limits: dict[str, Any]) -> Iterator[Message]:
    """In a child: the voxels and what is known of the array, in one message."""
    volume = _decoded(file, VolumeSpec(**spec), DecodeLimits(**limits))
    yield Message(asdict(volume.info), volume.voxels)


def _elsewhere(decoders: DecoderPool, file: BinaryIO, spec: VolumeSpec, limits: DecodeLimits) -> PreparedVolume:
    known, voxels = decoders.single(
        decode_volume,
        file,
        asdict(spec),
        asdict(limits),
        failure=UndecodableVisualError,
        largest=4 * math.prod(spec.shape),
    )
    return PreparedVolume(spec, voxels, VolumeInfo(tuple(known["shape"]), known["dtype"], known["format"]), [])


def _decoded(file: BinaryIO, spec: VolumeSpec, limits: DecodeLimits) -> PreparedVolume:
    format = expect_format(file.read(HEAD), "a volume", ("npy", "npz"))
    file.seek(0)
    array = read_array(file, format, limits)
    return PreparedVolume(spec, fit_volume(array, spec), VolumeInfo(array.shape, str(array.dtype), format), [])


def fit_volume(array: NDArray[Any], spec: VolumeSpec) -> Voxels:
    """An array of 3 axes, or of 4 with the channels first, as float32 from 0 to 1 of the shape of `spec`.

    Values are clipped to `low` and `high` first, so that a piece of metal does not outshine what surrounds it, and
    then reduced like pictures (see `audiocnn.visual.fit.resampling_matrix`); voxels outside the volume are 0.
    Raises `UnsupportedVisualError` for other axes and `NonFiniteVisualError` for NaN and infinity.
    """
    volumes = array[np.newaxis] if array.ndim == 3 else array
    if volumes.ndim != 4 or volumes.shape[0] != spec.channels:
        expected = "(depth, height, width)" if spec.channels == 1 else f"({spec.channels}, depth, height, width)"
        raise UnsupportedVisualError(f"expected an array of shape {expected}, got {array.shape}")
    target = (spec.depth, spec.height, spec.width)
    places = place(volumes.shape[1:], target, spec.fit, (1.0, 1.0, 1.0))
    along_depth, along_height, along_width = (
        resampling_matrix(axis, length) for axis, length in zip(places, volumes.shape[1:], strict=True)
    )
    inner = np.zeros((spec.channels, *(axis.size for axis in places)), np.float32)
    for channel, volume in enumerate(volumes):
        for depth, plane in enumerate(volume):  # one at a time: the whole as float32 may be large
            if plane.dtype.kind == "f" and not np.isfinite(plane).all():
                raise NonFiniteVisualError(
                    "voxels must be finite numbers, this array has NaN or infinite ones; replace them before saving"
                )
            values = np.clip((plane.astype(np.float64) - spec.low) / (spec.high - spec.low), 0, 1).astype(np.float32)
            fitted = along_height @ values @ along_width.T
            inner[channel] += along_depth[:, depth, np.newaxis, np.newaxis] * fitted
    voxels = np.zeros(spec.shape, np.float32)
    voxels[(slice(None), *(axis.target for axis in places))] = inner
    return voxels
