"""Recordings and a recipe that are small, and the colour of noise."""

import numpy as np

from training.denoise.config import SAMPLE_RATE, DenoiseConfig, DenoiserConfig, DenoiseTrainConfig


def tones(seed=0, seconds=2, sample_rate=SAMPLE_RATE):
    """Three sines at once, others each quarter of a second."""
    random = np.random.default_rng(seed)
    time_s = np.arange(sample_rate // 4) / sample_rate
    chords = [np.sin(2 * np.pi * random.uniform(200, 3000, (3, 1)) * time_s).sum(0) for _ in range(4 * seconds)]
    return np.concatenate(chords).astype(np.float32)


def slope(noise):
    """By how much the power of noise falls from 200 Hz to 6.4 kHz, as the exponent a of 1/f^a."""
    power, hz = np.abs(np.fft.rfft(noise)) ** 2, np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE)
    octaves = [np.log2(power[(hz >= low) & (hz < 2 * low)].mean()) for low in 200 * 2.0 ** np.arange(5)]
    return -np.polyfit(np.arange(5), octaves, 1)[0]


def recipe(**train):
    settings = {"steps": 2, "window_s": 0.1, "batch_size": 2} | train
    return DenoiseConfig("small", DenoiserConfig(filter_length=64, width=8), train=DenoiseTrainConfig(**settings))
