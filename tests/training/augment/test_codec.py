import numpy as np
import pytest
import torch

from training.augment.codec import encode

RATE = 16_000
BANDS_HZ = ((200, 800), (2300, 2700), (3000, 4500))


@pytest.fixture
def windows() -> torch.Tensor:
    """Noise that falls by 6 dB an octave from 100 Hz, as music does."""
    spectrum = torch.fft.rfft(torch.randn(48, 2 * RATE, generator=torch.Generator().manual_seed(0)))
    frequencies = torch.fft.rfftfreq(2 * RATE, 1 / RATE)
    return 0.1 * torch.fft.irfft(spectrum / (frequencies / 100).clamp(min=1))


def band_db(x: torch.Tensor, low_hz: float, high_hz: float) -> torch.Tensor:
    power = torch.fft.rfft(x).abs().square()
    frequencies = torch.fft.rfftfreq(x.shape[-1], 1 / RATE)
    return 10 * power[:, (frequencies >= low_hz) & (frequencies < high_hz)].mean(-1).log10()


def test_levels_stay_and_errors_are_those_of_encoders(windows: torch.Tensor) -> None:
    torch.manual_seed(0)
    out = encode(windows, 1.0, RATE, np.random.default_rng(0))
    for band, wanted_db in zip(BANDS_HZ, (-20, -12, -9), strict=True):
        torch.testing.assert_close(band_db(out, *band), band_db(windows, *band), atol=0.6, rtol=0)
        ratios = band_db(out - windows, *band) - band_db(windows, *band)
        assert ratios.mean().item() == pytest.approx(wanted_db, abs=1.5)
        assert 2 < ratios.std() < 4  # 10 dB from the best quality to the worst


def test_the_error_follows_the_sound_through_time(windows: torch.Tensor) -> None:
    windows[:, RATE:] *= 0.01
    error = encode(windows, 1.0, RATE, np.random.default_rng(0)) - windows
    fall_db = 10 * (error[:, : RATE - 600].square().mean() / error[:, RATE + 600 :].square().mean()).log10()
    assert fall_db.item() == pytest.approx(40, abs=1)


def test_nothing_is_left_above_the_limit_of_some(windows: torch.Tensor) -> None:
    change = band_db(encode(windows, 1.0, RATE, np.random.default_rng(0)), 7700, 7990) - band_db(windows, 7700, 7990)
    limited = change < -10
    assert 8 < limited.sum() < 24  # a third
    assert change[limited].median() < -40
    assert (change[~limited] > -1).all()


def test_only_the_share_is_encoded_and_the_rest_untouched(windows: torch.Tensor) -> None:
    same = (encode(windows, 0.5, RATE, np.random.default_rng(0)) == windows).all(1)
    assert 14 < same.sum() < 34
    assert encode(windows, 1e-9, RATE, np.random.default_rng(0)) is windows


def test_windows_shorter_than_a_frame_pass(windows: torch.Tensor) -> None:
    out = encode(windows[:, :100], 1.0, RATE, np.random.default_rng(0))
    assert out.shape == (48, 100)
    assert out.isfinite().all()
