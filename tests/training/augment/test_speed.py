import pytest
import torch

from training.augment.speed import fast_length, resample

RATE = 16_000


@pytest.mark.parametrize("samples", [14_400, 18_000])
def test_a_tone_changes_its_pitch_and_nothing_else(samples: int) -> None:
    def tone(hz: float, count: int) -> torch.Tensor:
        return torch.sin(2 * torch.pi * hz * torch.arange(count, dtype=torch.float64) / RATE)[None]

    heard = resample(tone(5000, samples), RATE)
    wanted = tone(5000 * samples / RATE, RATE)
    torch.testing.assert_close(heard, wanted, atol=1e-6, rtol=0)


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    high = torch.sin(2 * torch.pi * 7504 * torch.arange(18_000, dtype=torch.float64) / RATE)[None]
    assert resample(high, RATE).abs().max() < 1e-6  # 8442 Hz


@pytest.mark.parametrize("samples", [14_400, 18_000])
def test_no_frequency_is_weakened(samples: int) -> None:
    noise = torch.randn(4, samples, generator=torch.Generator().manual_seed(0))
    top = min(samples, RATE) // 2 - 10
    before, after = (torch.fft.rfft(x)[:, top - 1000 : top].abs() / x.shape[-1] for x in (noise, resample(noise, RATE)))
    torch.testing.assert_close(before, after, atol=1e-6, rtol=1e-3)


def test_lengths_are_at_most_one_per_cent_off_and_have_small_factors() -> None:
    for samples in (57_601, 63_997, 64_000, 70_001):
        length = fast_length(samples)
        assert samples <= length <= 1.01 * samples
        for factor in (2, 3, 5, 7, 11, 13):
            while length % factor == 0:
                length //= factor
        assert length == 1
    assert (fast_length(1), fast_length(64_000)) == (1, 64_000)
