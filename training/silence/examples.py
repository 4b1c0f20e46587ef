"""Examples made of real recordings with gaps put in, labelled while they are clean, then buried in noise.

pieces of recordings      ####  ##   #######         with gaps of nothing between them
label of every 20 ms      ....||..|||.......||||     silent if 30 dB below the loudest 20 ms: an energy rule
window                         [----------)
noise, at a random SNR          ~~~~~~~~~~           which the label does not know of
level                          ~~~~~~~~~~            mean 0, deviation 1, as the detector is given it
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from audiocnn.audio.normalise import normalise_level
from audiocnn.models.silence_detector import FRAME
from audiocnn.waveform import Samples
from training.noise import NOISES, below, unit

SAMPLE_RATE = 16_000
SILENT_DB = -30.0
"""Frames this far below the loudest one of the clean sound are silent."""

_TIMELINE = 8 * SAMPLE_RATE
_FADE = 80
_PIECE_S, _GAP_S = (0.2, 8.0), (0.1, 8.0)
_GAP_CHANCE = 0.2
_LEVELS_DB = 6.0
_NARROW_CHANCE, _NARROW_HZ = 0.3, (2500.0, 8000.0)
"""Some scenes end at a lower frequency, noise included, as recordings at low sample rates do."""
_QUIETEST = 1e-4
"""Pieces at a lower RMS level are pauses of the recording itself, and are not raised."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Windows `(n, samples)` of mean 0 and deviation 1, and which of their frames are silent, `(n, frames)`."""

    windows: Samples
    silent: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scene:
    """A clean window `(samples,)`, noise of RMS level 1 for it, and which of its frames are silent.

    power: the mean power of the sound around the window, its silent frames left out.
    """

    clean: Samples
    noise: Samples
    silent: NDArray[np.bool_]
    power: float

    def noisy(self, snr_db: float) -> Samples:
        """Sound and noise at a signal-to-noise ratio; infinity leaves the sound clean."""
        return self.clean + self.noise * np.float32(np.sqrt(self.power * 10 ** (-snr_db / 10)))


def draw_scene(recordings: Sequence[Samples], frames: int, random: Generator) -> Scene:
    """A window of `frames` frames, cut from a timeline of pieces of `recordings` `(samples,)` at 16 kHz."""
    clean = _timeline(recordings, random)
    noise = NOISES[random.choice(sorted(NOISES))](frames * FRAME, SAMPLE_RATE, random)
    if random.random() < _NARROW_CHANCE:
        hz = float(np.exp(random.uniform(*np.log(_NARROW_HZ))))
        clean, noise = below(clean, hz, SAMPLE_RATE), unit(below(noise, hz, SAMPLE_RATE))
    levels_db = frame_levels_db(clean)
    silent = levels_db < levels_db.max() + SILENT_DB
    start = int(random.integers(_TIMELINE // FRAME - frames + 1))
    return Scene(
        clean=clean[start * FRAME : (start + frames) * FRAME],
        noise=noise,
        silent=silent[start : start + frames],
        power=float(np.mean(10 ** (levels_db[~silent] / 10))),
    )


def mixed(scenes: Iterable[Scene], snr_db: Iterable[float]) -> Examples:
    """The scenes, each at its signal-to-noise ratio."""
    pairs = list(zip(scenes, snr_db, strict=True))
    windows = np.stack([scene.noisy(ratio_db) for scene, ratio_db in pairs])
    return Examples(normalise_level(windows, "standardise"), np.stack([scene.silent for scene, _ in pairs]))


def frame_levels_db(samples: Samples) -> NDArray[np.float64]:
    """RMS level in dB of every frame of `(..., samples)`; -200 for digital silence."""
    frames = samples.reshape(*samples.shape[:-1], -1, FRAME).astype(np.float64)
    levels: NDArray[np.float64] = 10 * np.log10(np.square(frames).mean(-1) + 1e-20)
    return levels


def _timeline(recordings: Sequence[Samples], random: Generator) -> Samples:
    """Pieces of recordings at levels within 6 dB, some followed by a gap, some after each other; one piece at least."""
    timeline = np.zeros(_TIMELINE, np.float32)
    at = 0
    while at < _TIMELINE:
        piece = _piece(recordings[int(random.integers(len(recordings)))], random)[: _TIMELINE - at]
        timeline[at : at + len(piece)] = piece
        at += len(piece)
        if random.random() < _GAP_CHANCE:
            at += _log_uniform(_GAP_S, random)
    return np.roll(timeline, random.integers(_TIMELINE))


def _piece(recording: Samples, random: Generator) -> Samples:
    start = int(random.integers(max(1, len(recording) - int(_PIECE_S[0] * SAMPLE_RATE))))
    piece = recording[start : start + _log_uniform(_PIECE_S, random)]
    places = np.arange(len(piece))
    fade = np.minimum(1, np.minimum(places, places[::-1]) / _FADE)
    level = max(float(np.sqrt(np.mean(np.square(piece)))), _QUIETEST)
    return (piece * fade / level * 10 ** (random.uniform(-_LEVELS_DB, 0) / 20)).astype(np.float32)


def _log_uniform(seconds: tuple[float, float], random: Generator) -> int:
    """A number of samples between the two, as often below as above their geometric mean."""
    return int(SAMPLE_RATE * np.exp(random.uniform(*np.log(seconds))))
