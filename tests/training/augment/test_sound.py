from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from training.augment.sound import augment, segment_gains, shift, soft_clip
from training.augment.spectrum import change_spectrum
from training.config import AugmentConfig

RATE = 16_000
OFF = AugmentConfig(gain_db=0, noise_db=(), polarity=False)
ALL = AugmentConfig(
    shift=0.5,
    gain_db=6,
    segment_gain_db=6,
    soft_clip=0.5,
    eq_db=6,
    low_pass=0.5,
    high_pass=0.5,
    band_mask=0.2,
    band_masks=2,
    noise_db=(10.0, 20.0),
    noise_colours=(-2.0, 2.0),
    codec=0.5,
    time_mask_ms=200,
    time_masks=2,
    polarity=True,
)


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
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        results.append(augment(windows, ALL, RATE, random(seed)))
    assert torch.equal(results[0], results[1])
    assert not torch.allclose(results[0], results[2])


COUNTS = ("time_masks", "band_masks")


@pytest.mark.parametrize("name", [f.name for f in fields(AugmentConfig) if f.name not in ("speed", *COUNTS)])
def test_each_step_follows_the_seed_and_changes_the_windows(windows: torch.Tensor, name: str) -> None:
    config = replace(OFF, noise_db=(10.0, 20.0), noise_colours=(1.0, 2.0)) if name == "noise_colours" else OFF
    config = replace(config, **{name: getattr(ALL, name)})
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)  # the noise stays, its amounts differ
        results.append(augment(windows, config, RATE, random(seed)))
    assert torch.equal(results[0], results[1])
    assert not torch.allclose(results[0], results[2])


def test_windows_are_changed_each_for_itself(windows: torch.Tensor) -> None:
    copies = windows[:1].repeat(8, 1)
    out = augment(copies, ALL, RATE, random())
    assert len({tuple(row[:50].tolist()) for row in out}) == 8


@pytest.mark.gpu
def test_a_gpu_gives_the_same_windows(windows: torch.Tensor) -> None:
    config = replace(ALL, noise_db=(), codec=0)  # their noise comes from the device
    there = augment(windows.cuda(), config, RATE, random()).cpu()
    torch.testing.assert_close(there, augment(windows, config, RATE, random()), rtol=1e-3, atol=1e-3)


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
    out = change_spectrum(windows, replace(OFF, low_pass=1.0), RATE, random())
    change = band_db(out, 7900, 8000) - band_db(windows, 7900, 8000)
    assert change.median() < -20
    torch.testing.assert_close(band_db(out, 500, 2400), band_db(windows, 500, 2400), atol=0.01, rtol=0)


def test_high_pass_takes_the_bottom_away(windows: torch.Tensor) -> None:
    out = change_spectrum(windows, replace(OFF, high_pass=1.0), RATE, random())
    assert (band_db(out, 1, 30) - band_db(windows, 1, 30)).median() < -15
    torch.testing.assert_close(band_db(out, 300, 8000), band_db(windows, 300, 8000), atol=0.01, rtol=0)


@pytest.mark.parametrize("masks", [1, 2])
def test_band_masks_cut_out_bands_of_up_to_their_width(windows: torch.Tensor, masks: int) -> None:
    out = change_spectrum(windows, replace(OFF, band_mask=0.2, band_masks=masks), RATE, random())
    gains = torch.fft.rfft(out).abs() / torch.fft.rfft(windows).abs()
    cut = (gains < 0.01)[:, :-1]  # irfft makes the last one real
    mels = torch.log10(1 + torch.fft.rfftfreq(RATE, 1 / RATE) / 700)
    widths = (cut * mels.diff() / mels[-1]).sum(1)
    assert widths.max() <= 0.2 * masks + 0.01
    assert widths.mean() == pytest.approx(0.1 * masks, abs=0.03 * masks)
    torch.testing.assert_close(gains[:, :-1][~cut], torch.ones(int((~cut).sum())), atol=1e-3, rtol=0)
    assert (cut.diff(dim=1).sum(1) <= 2 * masks).all()
    assert cut.any(0).float().mean() > 0.8  # anywhere


def test_the_equaliser_differs_for_each_window_and_has_the_asked_size(windows: torch.Tensor) -> None:
    out = change_spectrum(windows, replace(OFF, eq_db=6.0), RATE, random())
    change = band_db(out, 900, 1100) - band_db(windows, 900, 1100)
    assert 1.5 < change.std() < 6


def test_shift_wraps_around_by_up_to_the_share(windows: torch.Tensor) -> None:
    ramp = torch.arange(1000.0).repeat(200, 1)
    moved = shift(ramp, 0.1, random())
    moves = (-moved[:, 0]).remainder(1000)
    for row, move in zip(moved, moves.int().tolist(), strict=True):
        assert torch.equal(row, ramp[0].roll(move))
    signed = (moves + 500).remainder(1000) - 500
    assert signed.abs().max() <= 100
    assert signed.min() < -80
    assert signed.max() > 80


def test_segment_gains_run_in_straight_lines_from_second_to_second() -> None:
    levels_db = 20 * segment_gains(torch.zeros(50, 2 * RATE + 1), 6.0, RATE, random()).log10()
    assert levels_db.abs().max() <= 6.001
    assert levels_db.max() > 5
    slopes = levels_db.diff(dim=1)
    # a second and a sample more need a third line, so that none is longer than a second
    for line in slopes[:, :10_600].T, slopes[:, 10_700:21_300].T, slopes[:, 21_400:].T:
        assert (line - line[0]).abs().max() < 1e-4
    assert (slopes[:, 0] - slopes[:, -1]).abs().mean() > 1e-5


@pytest.mark.parametrize("exponent", [-2.0, -1.0, 0.0, 1.0, 2.0])
def test_coloured_noise_has_its_slope_and_its_ratio_on_half_of_the_windows(
    windows: torch.Tensor, exponent: float
) -> None:
    config = replace(OFF, noise_db=(20.0, 20.0), noise_colours=(exponent, exponent))
    noise = augment(windows, config, RATE, random()) - windows / rms(windows)[:, None]
    noisy = rms(noise) > 1e-3
    assert 16 < noisy.sum() < 48
    torch.testing.assert_close(rms(noise)[noisy], torch.full((int(noisy.sum()),), 0.1), rtol=1e-3, atol=0)
    fall_db = band_db(noise[noisy], 95, 105).mean() - band_db(noise[noisy], 3800, 4200).mean()
    octaves = np.log2(40)
    assert fall_db / octaves == pytest.approx(10 * np.log10(2) * exponent, abs=0.2)
    assert band_db(noise[noisy], 2, 9).mean() - band_db(noise[noisy], 10, 19).mean() == pytest.approx(0, abs=1.5)


def test_the_colour_is_drawn_from_its_range_for_each_window(windows: torch.Tensor) -> None:
    config = replace(OFF, noise_db=(0.0, 0.0), noise_colours=(-2.0, 2.0))
    noise = augment(windows, config, RATE, random()) - windows / rms(windows)[:, None]
    noise = noise[rms(noise) > 1e-3]
    slopes = (band_db(noise, 95, 105) - band_db(noise, 3800, 4200)) / (10 * np.log10(40))
    assert slopes.min() < -1
    assert slopes.max() > 1
    assert slopes.abs().max() < 2.5


def test_coloured_noise_is_measured_against_the_filtered_window(windows: torch.Tensor) -> None:
    config = replace(OFF, high_pass=1.0, noise_db=(20.0, 20.0), noise_colours=(2.0, 2.0))
    rumble = torch.sin(2 * torch.pi * 25 * torch.arange(RATE) / RATE).repeat(64, 1)
    noisy = augment(rumble, config, RATE, random())
    torch.manual_seed(0)
    clean = augment(rumble, replace(config, noise_db=()), RATE, random())
    ratio_db = 20 * (rms(clean) / rms(noisy - clean)).log10()
    assert ratio_db[ratio_db < 100].mean() == pytest.approx(20, abs=0.1)


def test_time_masks_silence_stretches_of_up_to_their_length() -> None:
    ones = torch.ones(300, RATE)
    masked = augment(ones, replace(OFF, time_mask_ms=100, time_masks=1), RATE, random()) == 0
    lengths = masked.sum(1)
    assert lengths.max() <= 1600
    assert lengths.max() > 1500
    assert lengths.min() < 100
    assert lengths.float().mean() == pytest.approx(800, abs=80)
    assert (masked.int().diff(dim=1).abs().sum(1) <= 2).all()  # one stretch
    starts = masked.int().argmax(1)[lengths > 0]
    assert starts.min() < 800
    assert starts.max() > 14_000
    twice = augment(ones, replace(OFF, time_mask_ms=100, time_masks=2), RATE, random()) == 0
    assert twice.sum(1).float().mean() > 1.7 * lengths.float().mean()


def test_a_mask_longer_than_the_window_leaves_silence_at_most() -> None:
    masked = augment(torch.ones(20, 100), replace(OFF, time_mask_ms=1000), RATE, random())
    assert masked.isfinite().all()
    assert (masked == 0).all(1).sum() > 10
