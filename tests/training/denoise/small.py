"""Recordings and a recipe that are small."""

import numpy as np

from training.denoise.config import DenoiseConfig, DenoiserConfig, DenoiseTrainConfig
from training.denoise.examples import SAMPLE_RATE


def tones(seed=0, seconds=2, sample_rate=SAMPLE_RATE):
    """Three sines at once, others each quarter of a second."""
    random = np.random.default_rng(seed)
    time_s = np.arange(sample_rate // 4) / sample_rate
    chords = [np.sin(2 * np.pi * random.uniform(200, 3000, (3, 1)) * time_s).sum(0) for _ in range(4 * seconds)]
    return np.concatenate(chords).astype(np.float32)


def recipe(**train):
    settings = {"steps": 2, "window_s": 0.1, "batch_size": 2} | train
    return DenoiseConfig("small", DenoiserConfig(filter_length=64, width=8), train=DenoiseTrainConfig(**settings))
