"""The detector against level thresholds: precision, recall and F1 of silent frames, at several noise levels.

    fixed, tuned clean    silent below a level, the one with the best F1 on clean validation windows
    fixed, tuned noisy    the same rule with the one level that does best over all noise levels
    above the quietest    silent up to so many dB above the window's own tenth percentile, tuned over all noise levels

All get the same windows, of mean 0 and deviation 1, and the thresholds are tuned on the validation part. The detector
says silent where that is likelier than not; nothing about it is tuned.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from audiocnn.waveform import Samples
from training.silence.examples import Examples, Scene, draw_scene, frame_levels_db, mixed

SNRS_DB = (math.inf, 30.0, 20.0, 10.0, 5.0, 0.0)
FRAMES = 200
"""Of one window: 4 s, the length the genre model hears at a time."""

Decision = NDArray[np.bool_]
Rule = Callable[[Samples], Decision]
"""Windows `(n, samples)` to silent frames `(n, frames)`."""

Quality = dict[str, dict[str, float]]
"""Precision, recall and F1 by the name of the noise level."""

_QUIETEST_DB = -60.0
"""What lies below is digital silence, and no measure of a room."""


def draw_scenes(recordings: Sequence[Samples], count: int, seed: int) -> list[Scene]:
    """Windows to tune or measure on: the same for all who pass the same seed."""
    random = np.random.default_rng(seed)
    return [draw_scene(recordings, FRAMES, random) for _ in range(count)]


def tuned_rules(validation: Sequence[Scene]) -> dict[str, Rule]:
    """The three thresholds at their best on the validation windows."""
    return {
        "fixed threshold, tuned clean": _tuned(frame_levels_db, validation, [math.inf]),
        "fixed threshold, tuned noisy": _tuned(frame_levels_db, validation, SNRS_DB),
        "dB above the quietest, tuned noisy": _tuned(_above_quietest_db, validation, SNRS_DB),
    }


def measure(rule: Rule, test: Sequence[Scene]) -> Quality:
    """How well `rule` finds the silent frames at each noise level."""
    qualities = {}
    for snr_db in SNRS_DB:
        examples = _at(test, snr_db)
        qualities[snr_name(snr_db)] = quality(rule(examples.windows), examples.silent)
    return qualities


def snr_name(snr_db: float) -> str:
    """`clean` or `10 dB`."""
    return "clean" if math.isinf(snr_db) else f"{snr_db:g} dB"


def _above_quietest_db(windows: Samples) -> NDArray[np.float64]:
    levels_db = frame_levels_db(windows)
    quietest_db = np.percentile(levels_db, 10, axis=-1, keepdims=True).clip(min=_QUIETEST_DB)
    above_db: NDArray[np.float64] = levels_db - quietest_db
    return above_db


def _tuned(
    levels_db: Callable[[Samples], NDArray[np.float64]], scenes: Sequence[Scene], snrs_db: Sequence[float]
) -> Rule:
    """Silent below the level, in steps of half a dB, whose mean F1 over the noise levels is best."""
    silent = np.stack([scene.silent for scene in scenes])
    levels = [levels_db(_at(scenes, snr_db).windows) for snr_db in snrs_db]

    def mean_f1(threshold_db: float) -> float:
        return float(np.mean([quality(found < threshold_db, silent)["f1"] for found in levels]))

    best_db = max(np.arange(-100, 40, 0.5), key=mean_f1)
    return lambda windows: levels_db(windows) < best_db


def _at(scenes: Sequence[Scene], snr_db: float) -> Examples:
    return mixed(scenes, [snr_db] * len(scenes))


def quality(decided: Decision, silent: Decision) -> dict[str, float]:
    """Precision, recall and F1 of frames decided to be silent; 0 where nothing was decided or is silent."""
    hits = int((decided & silent).sum())
    precision, recall = hits / max(1, int(decided.sum())), hits / max(1, int(silent.sum()))
    return {"precision": precision, "recall": recall, "f1": 2 * hits / max(1, int(decided.sum() + silent.sum()))}
