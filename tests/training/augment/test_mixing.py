from dataclasses import replace

import numpy as np
import pytest
import torch

from training.augment.mixing import a_weights, between_class, cut_mix, loudness_db, mix, mixup
from training.config import OptimConfig

RATE = 16_000


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture
def windows() -> torch.Tensor:
    return torch.randn(64, RATE, generator=torch.Generator().manual_seed(0)) * 0.1


def rms(x: torch.Tensor) -> torch.Tensor:
    return x.square().mean(-1).sqrt()


def tone(hz: float, amplitude: float = 1.0, samples: int = RATE) -> torch.Tensor:
    return amplitude * torch.sin(2 * torch.pi * hz * torch.arange(samples) / RATE)


def test_mixup_blends_sound_and_target_alike(windows: torch.Tensor) -> None:
    targets = torch.eye(64)
    mixed, blended = mixup(windows, targets, 0.5, random())
    torch.testing.assert_close(blended.sum(1), torch.ones(64))
    share, partner = blended.max(1)
    unit = windows / rms(windows)[:, None]
    for i in range(64):
        expected = sum(blended[i, j] * unit[j] for j in blended[i].nonzero()[:, 0].tolist())
        torch.testing.assert_close(mixed[i], expected)
    assert (share < 0.999).sum() > 20
    assert partner.shape == (64,)


class TestLoudness:
    @pytest.mark.parametrize(("hz", "table_db"), [(100, -19.1), (250, -8.6), (1000, 0.0), (2500, 1.3), (4000, 1.0)])
    def test_tones_weigh_as_in_the_table_of_the_norm(self, hz: float, table_db: float) -> None:
        level = loudness_db(tone(hz, 0.1)[None], RATE)
        assert level.item() == pytest.approx(-20 - 3.01 + table_db, abs=0.3)

    def test_it_is_that_of_the_loudest_tenth_of_a_second(self) -> None:
        burst = torch.zeros(RATE)
        burst[4096:6144] = tone(1000, 0.1, 2048)
        assert loudness_db(burst[None], RATE).item() == pytest.approx(-23.0, abs=0.3)

    def test_silence_and_windows_shorter_than_a_frame_have_one(self) -> None:
        assert loudness_db(torch.zeros(2, RATE), RATE).tolist() == [[-80.0], [-80.0]]
        assert loudness_db(tone(1000, 0.1, 500)[None], RATE).item() == pytest.approx(-23.0, abs=0.5)

    def test_a_weighting_is_one_at_a_kilohertz_and_nothing_at_zero(self) -> None:
        weights = a_weights(RATE, RATE)
        assert weights[1000].item() == pytest.approx(1, abs=0.01)
        assert weights[0].item() == 0


class TestBetweenClass:
    def test_partners_have_other_targets_and_targets_the_ratio(self, windows: torch.Tensor) -> None:
        targets = torch.eye(4)[torch.arange(64) % 4]
        _, blended = between_class(windows, targets, 1.0, RATE, random())
        assert ((blended > 0).sum(1) == 2).all()
        torch.testing.assert_close(blended.sum(1), torch.ones(64))
        own = (blended * targets).sum(1)
        assert own.min() < 0.1
        assert own.max() > 0.9
        assert own.mean().item() == pytest.approx(0.5, abs=0.1)

    def test_both_sounds_are_heard_at_the_ratio_and_the_energy_stays(self) -> None:
        sounds = torch.stack([tone(1000, 1.0), tone(3000, 0.05)] * 32)
        targets = torch.eye(2).repeat(32, 1)
        mixed, blended = between_class(sounds, targets, 1.0, RATE, random())
        amplitudes = torch.fft.rfft(mixed).abs()[:, [1000, 3000]] * 2 / RATE
        heard = amplitudes * a_weights(RATE, RATE)[[1000, 3000]].sqrt()
        heard = heard / heard.sum(1, keepdim=True)
        torch.testing.assert_close(heard, blended, atol=0.01, rtol=0)
        parts = amplitudes / torch.tensor([1.0, 0.05])
        torch.testing.assert_close(parts.square().sum(1), torch.ones(64), atol=1e-3, rtol=0)

    def test_soft_targets_and_extreme_ratios_and_one_class_alone(self, windows: torch.Tensor) -> None:
        soft = torch.rand(64, 9, generator=torch.Generator().manual_seed(1))
        mixed, blended = between_class(windows, soft, 0.01, RATE, random())
        assert mixed.isfinite().all()
        assert ((blended >= soft.min(0).values) & (blended <= soft.max(0).values)).all()
        mixed, blended = between_class(windows, torch.ones(64, 1), 1.0, RATE, random())
        assert mixed.isfinite().all()
        torch.testing.assert_close(blended, torch.ones(64, 1))

    def test_silence_mixes_without_nan(self) -> None:
        mixed, _ = between_class(torch.zeros(4, RATE), torch.eye(4), 1.0, RATE, random())
        assert torch.equal(mixed, torch.zeros(4, RATE))


def test_cut_mix_replaces_one_span_and_its_share_of_the_target() -> None:
    constant = torch.arange(64.0)[:, None].repeat(1, 1000)
    targets = torch.eye(64)
    mixed, blended = cut_mix(constant, targets, random())
    for i in range(64):
        for j in range(64):
            assert (mixed[i] == j).float().mean().item() == pytest.approx(blended[i, j].item(), abs=1e-6)
    assert (mixed.diff(dim=1).ne(0).sum(1) <= 2).all()
    replaced = 1 - blended.diagonal()
    assert replaced.max() > 0.8
    assert replaced.mean().item() == pytest.approx(0.5, abs=0.1)
    first = mixed.ne(constant).int().argmax(1)
    assert first.max() > 500


class TestChoice:
    TARGETS = torch.eye(64)

    def test_the_configuration_decides(self, windows: torch.Tensor) -> None:
        def mixed(**settings: object) -> tuple[torch.Tensor, torch.Tensor]:
            return mix(windows, self.TARGETS, replace(OptimConfig(), **settings), RATE, random())

        assert mixed(mixup=0.0)[0] is windows
        for got, wanted in (
            (mixed(mixup=0.5), mixup(windows, self.TARGETS, 0.5, random())),
            (mixed(mixup=0.5, mixing="between-class"), between_class(windows, self.TARGETS, 0.5, RATE, random())),
        ):
            assert all(map(torch.equal, got, wanted))

    def test_cut_mix_takes_the_place_of_mixup_in_its_share_of_the_batches(self, windows: torch.Tensor) -> None:
        config = replace(OptimConfig(), mixup=0.5, cut_mix=0.25)
        batch = windows[:8, :100]
        cut = 0
        for seed in range(200):
            mixed, _ = mix(batch, self.TARGETS[:8], config, RATE, random(seed))
            cut += bool(torch.isin(mixed, batch).all())
        assert 30 < cut < 70

    def test_the_seed_decides_the_rest(self, windows: torch.Tensor) -> None:
        for config in (OptimConfig(cut_mix=1.0), OptimConfig(mixup=1.0), OptimConfig(mixup=1, mixing="between-class")):
            first, again, other = (mix(windows, self.TARGETS, config, RATE, random(seed)) for seed in (0, 0, 1))
            assert all(map(torch.equal, first, again))
            assert not torch.equal(first[0], other[0])

    @pytest.mark.gpu
    def test_a_gpu_mixes_the_same(self, windows: torch.Tensor) -> None:
        for config in (OptimConfig(cut_mix=1.0), OptimConfig(mixup=1.0), OptimConfig(mixup=1, mixing="between-class")):
            here = mix(windows, self.TARGETS, config, RATE, random())
            there = mix(windows.cuda(), self.TARGETS.cuda(), config, RATE, random())
            for a, b in zip(here, there, strict=True):
                torch.testing.assert_close(a, b.cpu(), rtol=1e-3, atol=1e-3)
