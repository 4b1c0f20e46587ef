"""Background noise, all of it computed: white, pink, brown, mains hum and the steady noise of rooms and machines."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from audiocnn.waveform import Samples

_LOWEST_HZ = 20.0
_POINTS = 8


def white(num_samples: int, sample_rate: int, random: Generator) -> Samples:
    """As much of every frequency."""
    return unit(random.standard_normal(num_samples, np.float32))


def pink(num_samples: int, sample_rate: int, random: Generator) -> Samples:
    """3 dB less each octave, from 20 Hz."""
    return coloured(num_samples, sample_rate, random, 1)


def brown(num_samples: int, sample_rate: int, random: Generator) -> Samples:
    """6 dB less each octave, from 20 Hz."""
    return coloured(num_samples, sample_rate, random, 2)


def coloured(num_samples: int, sample_rate: int, random: Generator, exponent: float) -> Samples:
    """Power that falls as 1/f^exponent from 20 Hz: 0 is white, 1 pink, 2 brown."""
    return _shaped(num_samples, sample_rate, random, lambda hz: hz ** (-exponent / 2))


def hum(num_samples: int, sample_rate: int, random: Generator) -> Samples:
    """50 or 60 Hz within 1%, harmonics of random strength that fall with their number, and a little hiss."""
    base = random.choice([50.0, 60.0]) * random.uniform(0.99, 1.01)
    turning = np.exp(2j * np.pi * base / sample_rate * np.arange(num_samples))
    harmonics, waves = np.ones_like(turning), np.zeros(num_samples)
    for number in range(1, 21):
        harmonics *= turning
        strength = random.exponential() / number
        waves += (strength * np.exp(2j * np.pi * random.random()) * harmonics).real
    return unit(unit(waves) + 0.05 * white(num_samples, sample_rate, random))


def room(num_samples: int, sample_rate: int, random: Generator) -> Samples:
    """Fans, or traffic behind a window: a random smooth spectrum that falls, a level that wanders by a dB or two."""
    octaves = np.linspace(0, np.log2(sample_rate / 2 / _LOWEST_HZ), _POINTS)
    gains_db = random.normal(0, 8, _POINTS) - np.linspace(0, random.uniform(0, 40), _POINTS)
    noise = _shaped(
        num_samples, sample_rate, random, lambda hz: _amplitude(np.interp(np.log2(hz / _LOWEST_HZ), octaves, gains_db))
    )
    every_s = np.arange(0, num_samples + sample_rate, sample_rate)
    level_db = np.interp(np.arange(num_samples), every_s, random.normal(0, 1, len(every_s)))
    return unit(noise * _amplitude(level_db))


NOISES: dict[str, Callable[[int, int, Generator], Samples]] = {
    "white": white,
    "pink": pink,
    "brown": brown,
    "hum": hum,
    "room": room,
}
"""By name: of a number of samples, a sample rate in Hz and random numbers, float32 `(samples,)` at RMS level 1."""


def below(samples: Samples, hz: float, sample_rate: int) -> Samples:
    """What a recording at twice `hz` samples a second would keep of `samples`: nothing above `hz`."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / sample_rate) > hz] = 0
    return np.fft.irfft(spectrum, n=len(samples)).astype(np.float32)


def _shaped(
    num_samples: int, sample_rate: int, random: Generator, gain: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Samples:
    """Gaussian noise whose spectrum follows `gain`, a function of Hz."""
    hz = np.fft.rfftfreq(num_samples, 1 / sample_rate).clip(_LOWEST_HZ)
    spectrum = np.fft.rfft(random.standard_normal(num_samples)) * gain(hz)
    return unit(np.fft.irfft(spectrum, n=num_samples))


def _amplitude(db: NDArray[np.float64]) -> NDArray[np.float64]:
    amplitude: NDArray[np.float64] = 10 ** (db / 20)
    return amplitude


def unit(samples: NDArray[np.floating]) -> Samples:
    """`samples` at RMS level 1."""
    at_1: Samples = (samples / np.sqrt(np.mean(np.square(samples)))).astype(np.float32)
    return at_1
