"""`SilenceDetector`: the learned silence-detection filters at work (see docs/silence.md)."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn import pretrained
from audiocnn.audio.normalise import normalise_level
from audiocnn.audio.resample import resample
from audiocnn.checkpoint import ONNX, read_spec
from audiocnn.errors import CheckpointError
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.prepared import Window
from audiocnn.spec import AudioSpec, InputSpec
from audiocnn.waveform import Samples, Waveform

FRAME_S = 0.02
NEARLY_ALL = 0.95
"""The share of silent frames from which on a window counts as background noise."""
QUIETER_DB = 6.0
"""How far below the loudest window background noise lies, at least. What is louder might be music that never pauses."""


class SilenceDetector:
    """Says for every 20 ms of sound how likely it is that there is nothing but background noise.

    Safe to share between threads.
    """

    def __init__(self, backend: OnnxBackend, sample_rate: int) -> None:
        self._backend = backend
        self._sample_rate = sample_rate

    @classmethod
    def load(cls, model: str | Path = "silence", *, threads: int = 1) -> "SilenceDetector":
        """The bundled detector, or the one in a directory that `python -m training silence` wrote.

        threads: CPU threads inside one call.
        Raises `UnknownModelError`, and `CheckpointError` for a model that does not answer for each frame.
        """
        directory = pretrained.resolve(model)
        spec = read_spec(directory)
        if not isinstance(spec.input, AudioSpec):
            raise CheckpointError(f"a silence detector takes sound, {spec.name!r} takes {spec.input.media} input")
        backend = OnnxBackend(directory / ONNX, spec.input.input_name, threads, output="frames")
        return cls(backend, spec.input.sample_rate)

    def frames(self, windows: Samples, sample_rate: int) -> NDArray[np.float32]:
        """Likelihoods of silence from 0 to 1, `(windows, frames)`, of sound `(windows, samples)` at `sample_rate` Hz.

        The level of a window does not matter: each is brought to mean 0 and deviation 1. Windows should have a second
        or more, because what is background shows in what lies around it. The last frame may be shorter than 20 ms.
        """
        if sample_rate != self._sample_rate:
            windows = resample(Waveform(windows, sample_rate), self._sample_rate).samples
        logits = self._backend(normalise_level(windows, "standardise")[:, np.newaxis])[:, 0]
        likelihoods: NDArray[np.float32] = 0.5 + 0.5 * np.tanh(0.5 * logits)  # the sigmoid, without overflow
        return likelihoods

    def background(self, windows: Sequence[Window], spec: AudioSpec) -> NDArray[np.bool_]:
        """For each window of a model with `spec`, whether nearly all frames of its real sound are silent."""
        if not windows:
            return np.empty(0, np.bool_)
        silent = self.frames(np.stack([window.values[0] for window in windows]), spec.sample_rate) > 0.5
        shares = []
        for window, frames in zip(windows, silent, strict=True):
            covered = (
                window.values.shape[-1] if window.segment is None else window.segment.num_samples
            )  # the rest is padding
            shares.append(frames[: max(1, round(covered / spec.sample_rate / FRAME_S))].mean())
        return np.array(shares) >= NEARLY_ALL


BackgroundRule = Callable[[Sequence[Window]], NDArray[np.bool_]]


def background_rule(spec: InputSpec) -> BackgroundRule | None:
    """What finds background noise for a model with `spec`: the bundled detector, or None if it asks for none."""
    if isinstance(spec, AudioSpec) and spec.silence == "detector":
        return partial(SilenceDetector.load().background, spec=spec)
    return None


def quieter(levels_db: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which windows of a whole file would not vote if they were background noise.

    The loudest window always votes, so a file with sound in it always has an answer.
    """
    loudest_db = levels_db.max(initial=-np.inf)
    quiet: NDArray[np.bool_] = levels_db < loudest_db - QUIETER_DB
    return quiet
