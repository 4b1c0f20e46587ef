"""The silence detector over a whole file, and its picture."""

import matplotlib.image
import numpy as np
import pytest

from audiocnn.errors import EmptyAudioError
from audiocnn.inference.silence import SilenceDetector
from audiocnn.insight.envelope import envelope
from audiocnn.insight.silence import silence_curve
from audiocnn.plots.figure import write_png
from audiocnn.plots.silence import draw_silence
from tests.audio_files import silence, tone, wav_bytes


@pytest.fixture(scope="module")
def detector():
    return SilenceDetector.load()


def beeps(seconds):
    """A tone that is on for the first half of every second."""
    sound = tone(500, seconds)
    return sound * (np.arange(sound.shape[1]) % 16_000 < 8000)


def test_every_20_ms_of_a_long_file_has_its_value(detector):
    sound = np.concatenate([beeps(3), silence(4.01), beeps(3)], axis=1)
    sound = sound + 0.005 * np.random.default_rng(0).standard_normal(sound.shape)
    curve = silence_curve(wav_bytes(sound), detector)
    assert len(curve.times_s) == len(curve.likelihoods) == len(curve.levels_db) == 501
    np.testing.assert_allclose(curve.times_s, 0.01 + 0.02 * np.arange(501))
    assert (curve.likelihoods[160:345] > 0.5).mean() > 0.95
    on = np.zeros(501, bool)
    for second in (0, 1, 2):
        on[50 * second + 2 : 50 * second + 23] = on[351 + 50 * second + 2 : 351 + 50 * second + 23] = True
    assert (curve.likelihoods[on] > 0.5).mean() < 0.05
    np.testing.assert_allclose(curve.levels_db[5:20], 20 * np.log10(0.5 / np.sqrt(2)), atol=0.2)
    np.testing.assert_allclose(curve.levels_db[200:300].mean(), -46, atol=0.3)


def test_no_frame_is_left_out_between_windows(detector):
    class Constant:
        def frames(self, windows, sample_rate):
            return np.full((1, windows.shape[1] // 320), 0.75)

    for seconds in (0.5, 4, 4.02, 6, 7.3, 12):
        curve = silence_curve(wav_bytes(tone(500, seconds)), Constant())
        assert (curve.likelihoods == 0.75).all()
        assert len(curve.likelihoods) == np.ceil(seconds * 50 - 1e-9)


def test_other_rates_and_channels_are_read(detector):
    curve = silence_curve(wav_bytes(tone(500, 1, 44_100, channels=2), 44_100), detector)
    assert len(curve.likelihoods) == 50
    assert set(curve.to_json()) == {"times_s", "likelihoods", "levels_db"}
    assert len(curve.to_json()["likelihoods"]) == 50


def test_a_sound_without_a_sample_at_the_detector_s_rate_is_an_error(detector):
    with pytest.raises(EmptyAudioError, match="shorter than one sample"):
        silence_curve(wav_bytes(tone(500, 1)[:, :1], 48_000), detector)


def test_draws_the_three_curves(detector, tmp_path):
    data = wav_bytes(beeps(3))
    curve = silence_curve(data, detector)
    write_png(draw_silence(curve, envelope(data)), tmp_path / "plain.png")
    marked = draw_silence(curve, envelope(data), gaps_s=[(0.5, 1)], threshold_db=-40)
    write_png(marked, tmp_path / "marked.png")
    plain, marked = (matplotlib.image.imread(tmp_path / f"{name}.png")[..., :3] for name in ("plain", "marked"))
    assert plain.shape == marked.shape
    assert np.abs(plain - marked).max() > 0.5

    def blue(picture):
        return ((picture[..., 2] > picture[..., 0] + 0.3) & (picture[..., 2] > picture[..., 1] + 0.1)).sum()

    assert blue(plain) > 500


def test_shortened_curves_keep_their_means(detector):
    curve = silence_curve(wav_bytes(beeps(3)), detector)
    short = curve.shortened(40)
    assert len(short.times_s) == len(short.likelihoods) == len(short.levels_db) == 40
    assert short.likelihoods.mean() == pytest.approx(curve.likelihoods.mean(), abs=0.01)
    assert np.all(np.diff(short.times_s) > 0)
    assert curve.shortened(150) is curve
