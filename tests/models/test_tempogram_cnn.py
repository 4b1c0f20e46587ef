"""The network for tempo: its layer table, and that another tempo is the same pattern elsewhere."""

import numpy as np
import pytest
import torch

from audiocnn import models
from audiocnn.errors import ConfigError
from audiocnn.models.tempogram_cnn import FRAME_RATE, OCTAVES, PER_OCTAVE, SLOWEST_BPM, pulse_waves

RATES = SLOWEST_BPM * 2 ** (np.arange(OCTAVES * PER_OCTAVE) / PER_OCTAVE)


def clicks(bpm, seconds=10.0, sample_rate=8000):
    """A waveform `(1, 1, samples)` with a decaying noise on each beat."""
    random = np.random.default_rng(0)
    x = np.zeros(round(seconds * sample_rate))
    burst = random.standard_normal(400) * np.exp(-np.arange(400) / 80)
    for beat in np.arange(0, seconds, 60 / bpm):
        start = round(beat * sample_rate)
        x[start : start + 400] += burst[: len(x) - start]
    return torch.from_numpy(x / x.std()).float()[None, None]


def test_weights_by_hand():
    network = models.build("tempogram-cnn", 7, {"width": 12, "num_filters": 9, "filter_length": 50})
    front = 9 * 50 + 2 * 9 + 9 * 8 * 5 + 2 * 8
    block = 12 * 12 * 5 + 2 * 12 + 12 * 12 * 3 + 2 * 12
    behind = 8 * 12 + 2 * 12 + 3 * block + 12 * 4 + 2 * 4 + 4 * 216 * 7 + 7
    assert sum(p.numel() for p in network.parameters()) == front + behind


def test_the_waves_are_fixed():
    network = models.build("tempogram-cnn", 7)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0, weight_decay=0.5)
    network(clicks(120)).square().sum().backward()
    optimizer.step()
    torch.testing.assert_close(network.tempogram.waves.conv.weight, pulse_waves(), rtol=0, atol=0)


def test_a_wave_of_one_rate_is_heard_at_that_rate():
    waves = pulse_waves()
    time_s = torch.arange(waves.shape[-1]) / FRAME_RATE
    for index in (60, 111, 180):
        wave = torch.cos(2 * torch.pi * RATES[index] / 60 * time_s + 1.0)
        cosines, sines = (waves[:, 0] @ wave).chunk(2)
        strengths = (cosines**2 + sines**2).sqrt()
        assert strengths.argmax() == index
        assert strengths[index].item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("bpm", [70.0, 118.0, 163.0])
def test_the_tempogram_of_clicks_peaks_at_their_tempo_and_its_multiples(bpm):
    torch.manual_seed(0)
    network = models.build("tempogram-cnn", 1).eval()
    with torch.inference_mode():
        strengths = network.tempogram(network.onsets(network.front(clicks(bpm))))[0].sum(0).numpy()
    assert strengths.shape == RATES.shape
    near = (bpm / 1.3 < RATES) & (bpm * 1.3 > RATES)
    assert RATES[near][strengths[near].argmax()] == pytest.approx(bpm, rel=0.02)
    double = (2 * bpm / 1.15 < RATES) & (2 * bpm * 1.15 > RATES)
    assert RATES[double][strengths[double].argmax()] == pytest.approx(2 * bpm, rel=0.02)


def test_an_octave_faster_is_the_same_pattern_an_octave_on():
    network = models.build("tempogram-cnn", 1).eval()
    with torch.inference_mode():
        slow, fast = (
            network.tempogram(network.onsets(network.front(clicks(bpm))))[0].sum(0).numpy() for bpm in (80.0, 160.0)
        )
    moved = np.corrcoef(slow[72 : 72 + 60], fast[72 + PER_OCTAVE : 72 + PER_OCTAVE + 60])[0, 1]
    assert moved > np.corrcoef(slow[72 : 72 + 60], fast[72 : 72 + 60])[0, 1] + 0.3


def test_a_width_that_is_no_number_is_refused():
    with pytest.raises(ConfigError, match="width must be a whole number"):
        models.build("tempogram-cnn", 1, {"width": 2.5})
