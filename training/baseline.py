"""The bar to clear: hand-made features and a support vector machine, on the same folds.

Means and deviations over time of 20 MFCCs and their deltas, spectral contrast, rolloff and zero crossings go,
standardised, into an SVM with a radial kernel.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from audiocnn.audio.normalise import normalise_level
from audiocnn.errors import ConfigError
from audiocnn.spec import AudioSpec, TaskSpec
from training.config import AugmentConfig, Config
from training.data.cache import open_cache
from training.data.manifest import Clip, label_names, read_clips
from training.data.sound import Sound, samples_of
from training.data.split import folds_of
from training.metrics import measure
from training.progress import track

SAMPLE_RATE = 22_050
"""Hz; what librosa's features are usually taken at."""


def cross_validate_baseline(config: Config, data: Path, cache_directory: Path, c: float) -> list[dict[str, Any]]:
    """Metrics of the SVM with regularisation `c` on each fold of a single-label data set.

    Raises `ConfigError` for anything but sound with one label for each clip.
    """
    if config.input.media != "audio":
        raise ConfigError(f"the baseline needs input.media = 'audio', got {config.input.media!r}")
    if config.data.kind not in ("single_label", "binary"):
        raise ConfigError(f"the baseline needs one label for each clip, got data.kind = {config.data.kind!r}")
    clips = read_clips(data, config.data)
    sound = Sound(AudioSpec(SAMPLE_RATE, SAMPLE_RATE, SAMPLE_RATE), AugmentConfig())
    cache = open_cache(cache_directory, clips, sound, config.data.max_unreadable)
    clips = cache.readable(clips)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = pool.map(lambda clip: features(samples_of(cache.items(clip))), clips)
        x = np.stack(list(track(rows, "features", total=len(clips))))
    task = TaskSpec("single_label", label_names(clips))
    return [{"fold": fold, **_one_fold(x, clips, fold, task, config, c)} for fold in folds_of(clips)]


def features(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """One row of hand-made features of a mono recording `(n,)` at `SAMPLE_RATE`, independent of its level."""
    y: NDArray[np.float32] = normalise_level(samples, "rms")
    mfcc = librosa.feature.mfcc(y=y, sr=SAMPLE_RATE, n_mfcc=20)
    frames = np.concatenate(
        [
            mfcc,
            librosa.feature.delta(mfcc),
            librosa.feature.spectral_contrast(y=y, sr=SAMPLE_RATE),
            librosa.feature.spectral_rolloff(y=y, sr=SAMPLE_RATE),
            librosa.feature.zero_crossing_rate(y),
        ]
    )
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])


def _one_fold(
    x: NDArray[np.float64], clips: Sequence[Clip], fold: str, task: TaskSpec, config: Config, c: float
) -> dict[str, Any]:
    y = np.array([task.labels.index(clip.labels[0]) for clip in clips])
    test = np.array([clip.fold == fold for clip in clips])
    machine = make_pipeline(StandardScaler(), SVC(C=c)).fit(x[~test], y[~test])
    one_hot = np.eye(len(task.labels))
    return measure(one_hot[machine.predict(x[test])], one_hot[y[test]], task, config.merge)
