"""Sample rate conversion: what must pass, what must not, and no trace of the blocks."""

import numpy as np
import pytest

from audiocnn.audio.resample import resample, resample_blocks
from audiocnn.waveform import Waveform
from tests.audio_files import noise, tone


def converted(sound, from_rate, to_rate):
    return resample(Waveform(np.asarray(sound, np.float32), from_rate), to_rate).samples


def middle(sound):
    """Without the edges, where the filter meets the silence around the sound."""
    return sound[..., sound.shape[-1] // 8 : -sound.shape[-1] // 8]


def db(sound):
    return 10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-30)


@pytest.mark.parametrize("from_rate", [4000, 8000, 11_025, 22_050, 37_511, 44_100, 48_000, 96_000, 384_000])
def test_sine_in_sine_out(from_rate):
    out = converted(tone(1000, 1.0, from_rate), from_rate, 16_000)
    expected = tone(1000, 1.0, 16_000)
    assert out.shape == expected.shape
    assert db(middle(out - expected)) < -90


def test_as_far_as_the_new_band_reaches():
    out = converted(tone(7000, 1.0, 48_000), 48_000, 16_000)
    assert db(middle(out - tone(7000, 1.0, 16_000))) < -90


@pytest.mark.parametrize("hz", [8800, 10_000, 15_000, 17_000, 23_500])
def test_what_the_new_rate_cannot_hold_is_gone_and_not_folded_back(hz):
    out = converted(tone(hz, 1.0, 48_000, peak=1.0), 48_000, 16_000)
    assert db(middle(out)) < -100


@pytest.mark.parametrize("hz", [100, 3000])
def test_no_image_above_the_old_band(hz):
    out = middle(converted(tone(hz, 2.0, 8000, peak=1.0), 8000, 16_000))[0]
    spectrum = np.abs(np.fft.rfft(out * np.blackman(len(out))))
    above = spectrum[len(spectrum) * 5200 // 8000 :]
    assert 20 * np.log10(above.max() / spectrum.max()) < -100


@pytest.mark.parametrize("from_rate", [8000, 44_100, 48_000])
@pytest.mark.parametrize("sizes", [(1, 2, 3), (1000,), (65_536, 7)])
def test_blocks_leave_no_trace(from_rate, sizes):
    sound = noise(2.0, from_rate).astype(np.float32)
    cuts, at = [], 0
    while at < sound.shape[1] and len(cuts) < 3000:
        cuts.append(at := at + sizes[len(cuts) % len(sizes)])
    blocks = [block for block in np.split(sound, cuts, axis=1) if block.size]
    pieces = list(resample_blocks(blocks, from_rate, 16_000))
    assert all(piece.shape[1] for piece in pieces)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), converted(sound, from_rate, 16_000), atol=1e-6)


def test_the_same_rate_passes_blocks_untouched():
    blocks = [noise(0.1).astype(np.float32)]
    assert next(resample_blocks(blocks, 16_000, 16_000)) is blocks[0]


def test_channels_stay_apart():
    stereo = np.concatenate([tone(500, 1.0, 48_000), np.zeros((1, 48_000))])
    out = converted(stereo, 48_000, 16_000)
    assert db(middle(out[0] - tone(500)[0])) < -90
    assert not out[1].any()


@pytest.mark.parametrize("num_samples", [0, 1, 2, 3, 10, 1000])
@pytest.mark.parametrize(("from_rate", "to_rate"), [(48_000, 16_000), (8000, 16_000), (44_100, 16_000)])
def test_length_follows_the_ratio(num_samples, from_rate, to_rate):
    out = converted(np.ones((1, num_samples)), from_rate, to_rate)
    assert abs(out.shape[1] - num_samples * to_rate / from_rate) <= 0.5
    assert out.dtype == np.float32


def test_the_largest_amplitudes_stay_finite():
    square = np.sign(tone(440, 0.5, 48_000)) * 1e6
    assert np.isfinite(converted(square, 48_000, 16_000)).all()
