import numpy as np
import pytest
import torch

from training.augment_sound import augment, filter_randomly, mix, soft_clip
from training.config import AugmentConfig

RATE = 16_000
OFF = AugmentConfig(gain_db=0, noise_db=(), polarity=False)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def windows() -> torch.Tensor:
    return torch.randn(64, RATE, generator=torch.Generator().manual_seed(0)) * 0.1


def rms(x: torch.Tensor) -> torch.Tensor:
    return x.square().mean(-1).sqrt()


def test_nothing_switched_on_only_brings_the_level_to_one(windows: torch.Tensor) -> None:
    out = augment(windows, OFF, RATE, random())
    torch.testing.assert_close(out, windows / rms(windows)[:, None])


def test_the_same_seed_gives_the_same_windows(windows: torch.Tensor) -> None:
    config = AugmentConfig(soft_clip=0.5, eq_db=6, low_pass=0.5, high_pass=0.5)
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        results.append(augment(windows, config, RATE, random(seed)))
    torch.testing.assert_close(results[0], results[1])
    assert not torch.allclose(results[0], results[2])


def test_gain_stays_in_its_range_and_uses_it(windows: torch.Tensor) -> None:
    levels_db = (
        20 * rms(augment(windows, AugmentConfig(gain_db=6, noise_db=(), polarity=False), RATE, random())).log10()
    )
    assert levels_db.abs().max() <= 6.001
    assert levels_db.max() > 4
    assert levels_db.min() < -4


def test_polarity_flips_about_half(windows: torch.Tensor) -> None:
    out = augment(windows, AugmentConfig(gain_db=0, noise_db=(), polarity=True), RATE, random())
    flipped = (out * windows).sum(-1) < 0
    assert 16 < flipped.sum() < 48


def test_noise_has_the_asked_ratio_on_half_of_the_windows(windows: torch.Tensor) -> None:
    out = augment(windows, AugmentConfig(gain_db=0, noise_db=(20.0, 20.0), polarity=False), RATE, random())
    added = rms(out - windows / rms(windows)[:, None])
    noisy = added > 1e-3
    assert 16 < noisy.sum() < 48
    torch.testing.assert_close(added[noisy], torch.full_like(added[noisy], 0.1), rtol=0.05, atol=0)


def test_soft_clip_bounds_and_keeps_the_sign(windows: torch.Tensor) -> None:
    out = soft_clip(windows * 10, random())
    assert out.abs().max() <= 1
    assert (out * windows >= 0).all()


def band_db(x: torch.Tensor, low_hz: float, high_hz: float) -> torch.Tensor:
    power = torch.fft.rfft(x).abs().square()
    frequencies = torch.fft.rfftfreq(x.shape[-1], 1 / RATE)
    return 10 * power[:, (frequencies >= low_hz) & (frequencies < high_hz)].mean(-1).log10()


def test_low_pass_takes_the_top_away_and_leaves_the_middle(windows: torch.Tensor) -> None:
    out = filter_randomly(windows, AugmentConfig(low_pass=1.0), RATE, random())
    change = band_db(out, 7900, 8000) - band_db(windows, 7900, 8000)
    assert change.median() < -20
    torch.testing.assert_close(band_db(out, 500, 2400), band_db(windows, 500, 2400), atol=0.01, rtol=0)


def test_high_pass_takes_the_bottom_away(windows: torch.Tensor) -> None:
    out = filter_randomly(windows, AugmentConfig(high_pass=1.0), RATE, random())
    assert (band_db(out, 1, 30) - band_db(windows, 1, 30)).median() < -15
    torch.testing.assert_close(band_db(out, 300, 8000), band_db(windows, 300, 8000), atol=0.01, rtol=0)


def test_the_equaliser_differs_for_each_window_and_has_the_asked_size(windows: torch.Tensor) -> None:
    out = filter_randomly(windows, AugmentConfig(eq_db=6.0), RATE, random())
    change = band_db(out, 900, 1100) - band_db(windows, 900, 1100)
    assert 1.5 < change.std() < 6


def test_mix_blends_sound_and_target_alike(windows: torch.Tensor) -> None:
    targets = torch.eye(64)
    mixed, blended = mix(windows, targets, 0.5, random())
    torch.testing.assert_close(blended.sum(1), torch.ones(64))
    share, partner = blended.max(1)
    unit = windows / rms(windows)[:, None]
    for i in range(64):
        expected = sum(blended[i, j] * unit[j] for j in blended[i].nonzero()[:, 0].tolist())
        torch.testing.assert_close(mixed[i], expected)
    assert (share < 0.999).sum() > 20
    assert partner.shape == (64,)
