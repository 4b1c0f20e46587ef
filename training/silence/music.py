"""Computed music: chords, bass, melody and drums, from sparse to a wall of sound.

Speech and single noises alone teach a detector that whatever goes on without a pause is background, dense music too.
These pieces are nobody's work, so weights trained on them stay free of music's licences.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from audiocnn.waveform import Samples

SECONDS = 8
_SCALE = np.array([0, 2, 3, 5, 7, 8, 10])
_HARMONICS = 10


def piece(sample_rate: int, random: Generator) -> Samples:
    """Eight seconds of music, `(samples,)`, at RMS level 1."""
    num_samples = SECONDS * sample_rate
    beat = int(sample_rate * 60 / random.uniform(60, 180))
    root = int(random.integers(33, 52))
    parts = [
        _notes(num_samples, sample_rate, beat * int(random.choice([1, 2, 4])), root, 3, random),
        _notes(num_samples, sample_rate, beat, root - 12, 1, random),
        _notes(num_samples, sample_rate, max(1, beat // 2), root + 24, 1, random),
        _drums(num_samples, sample_rate, beat, random),
    ]
    playing = random.random(len(parts)) < 0.6
    playing[random.integers(len(parts))] = True
    gains = playing * 10 ** random.uniform(-0.7, 0, len(parts))
    mix = gains @ np.stack(parts)
    loud = np.tanh(_unit(mix) * 10 ** random.uniform(-1, 0.6))  # up to a crushed master
    return _unit(loud).astype(np.float32)


def _notes(
    num_samples: int, sample_rate: int, length: int, root: int, voices: int, random: Generator
) -> NDArray[np.float64]:
    """Notes of `length` samples one after the other, so many at once, plucked or held, soft or sharp."""
    sound = np.zeros(num_samples)
    decay_s, tilt = 10 ** random.uniform(-1, 1.5), random.uniform(0.3, 2)
    drive = 10 ** random.uniform(-1, 1)
    for start in range(0, num_samples, length):
        since_s = np.arange(min(length, num_samples - start)) / sample_rate
        chord = np.zeros(len(since_s))
        for pitch in root + random.choice(_SCALE, voices, replace=False):
            turning = np.exp(2j * np.pi * 440 * 2 ** ((pitch - 69) / 12) * random.uniform(0.997, 1.003) * since_s)
            harmonics = np.exp(2j * np.pi * random.random()) * np.ones_like(turning)
            for number in range(1, _HARMONICS + 1):
                harmonics *= turning
                chord += harmonics.imag / number**tilt
        sound[start : start + length] = np.tanh(drive * chord) * np.exp(-since_s / decay_s)
    return _unit(sound)


def _drums(num_samples: int, sample_rate: int, beat: int, random: Generator) -> NDArray[np.float64]:
    """A low thump on the beats, a burst of noise on every other one, and short hisses between them."""
    sound = np.zeros(num_samples)
    hiss = np.diff(random.standard_normal(num_samples + 1))
    hits = [
        (0, 2 * beat, 0.12, False),
        (beat, 2 * beat, 0.1, True),
        (0, max(1, beat // int(random.choice([1, 2, 4]))), 0.03, True),
    ]
    for first, every, decay_s, noisy in hits:
        strength = random.uniform(0.2, 1)
        for start in range(first, num_samples, every):
            since_s = np.arange(min(int(6 * decay_s * sample_rate), num_samples - start)) / sample_rate
            wave = hiss[start : start + len(since_s)] if noisy else 2 * np.sin(2 * np.pi * 60 * since_s)
            sound[start : start + len(since_s)] += strength * wave * np.exp(-since_s / decay_s)
    return _unit(sound)


def _unit(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = sound / np.sqrt(np.mean(np.square(sound)))
    return unit
