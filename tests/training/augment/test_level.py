"""The level of windows on their way through augmentation and mixing: kept where the network hears it, else undone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from audiocnn.spec import AudioSpec
from training.augment.mixing import mixup
from training.augment.sound import augment, rms
from training.config import AugmentConfig, OptimConfig
from training.data.sound import Sound

from .test_sound import ALL, OFF, RATE, random

MIXED = {
    "mixup": OptimConfig(mixup=0.2),
    "between-class": OptimConfig(mixup=1.0, mixing="between-class"),
    "cut_mix": OptimConfig(cut_mix=1.0),
    "none": OptimConfig(mixup=0.0),
}


@pytest.fixture
def windows() -> torch.Tensor:
    """Noise from -74 dB up to full scale, and digital silence."""
    levels = torch.cat([torch.logspace(-3.7, -0.7, 63), torch.zeros(1)])[:, None]
    return torch.randn(64, RATE, generator=torch.Generator().manual_seed(0)) * levels


def heard(
    windows: torch.Tensor, normalisation: Any, config: AugmentConfig, train: OptimConfig, seed: int = 0
) -> torch.Tensor:
    """What the network hears of them in training, `(batch, samples)`."""
    medium = Sound(AudioSpec(RATE, RATE, RATE, normalisation=normalisation), config)
    draws = random(seed)
    torch.manual_seed(seed)
    items = (windows * 32767).round().clamp(-32768, 32767).to(torch.int16)
    mixed, _ = medium.mix(medium.augment(items, draws), torch.eye(len(items)), train, draws)
    return medium.model_input(mixed)[:, 0]


@pytest.mark.parametrize("normalisation", ["none", "rms", "peak", "standardise"])
def test_without_augmentation_training_hears_what_use_hears(windows: torch.Tensor, normalisation: Any) -> None:
    medium = Sound(AudioSpec(RATE, RATE, RATE, normalisation=normalisation), OFF)
    items = (windows * 32767).round().clamp(-32768, 32767).to(torch.int16)
    used = [next(medium.windows(clip.numpy())).values[0] for clip in items]
    found = heard(windows, normalisation, OFF, MIXED["none"])
    torch.testing.assert_close(found, torch.from_numpy(np.stack(used)), rtol=1e-4, atol=1e-6)


def test_windows_keep_their_own_level_through_every_step(windows: torch.Tensor) -> None:
    out = augment(windows, replace(ALL, gain_db=0), RATE, random(), keep_level=True)
    torch.testing.assert_close(rms(out), rms(windows), rtol=1e-4, atol=0)


@pytest.mark.parametrize("noise_db", [(), (15.0, 45.0)])
def test_gain_changes_a_level_that_is_kept(windows: torch.Tensor, noise_db: tuple[float, ...]) -> None:
    config = AugmentConfig(gain_db=6, noise_db=noise_db)
    gains_db = 20 * (rms(heard(windows, "none", config, MIXED["none"])) / rms(windows))[:48].log10()
    assert gains_db.abs().max() <= 6.1
    assert gains_db.max() > 4
    assert gains_db.min() < -4


def test_mixup_gives_a_level_between_the_two(windows: torch.Tensor) -> None:
    mixed, targets = mixup(windows, torch.eye(64), 0.5, random(), keep_level=True)
    torch.testing.assert_close(rms(mixed), targets @ rms(windows), rtol=1e-4, atol=1e-7)
    levelled, _ = mixup(windows, torch.eye(64), 0.5, random())
    torch.testing.assert_close(mixed / rms(mixed).clamp(min=1e-9), levelled / rms(levelled).clamp(min=1e-9))
    assert rms(heard(windows, "none", OFF, MIXED["mixup"])).max() <= 1.01 * rms(windows).max()


@pytest.mark.parametrize("normalisation", ["rms", "peak", "standardise"])
@pytest.mark.parametrize(
    ("changes", "mixing", "tells"),
    [
        ({}, "none", False),
        ({}, "mixup", False),
        ({}, "between-class", False),
        ({}, "cut_mix", False),
        ({"soft_clip": 1.0}, "none", True),
        ({"noise_db": ()}, "mixup", False),
        ({"noise_db": ()}, "between-class", False),
        ({"noise_db": ()}, "cut_mix", True),
        ({"noise_colours": (0.0, 1.0)}, "cut_mix", True),
    ],
)
def test_what_a_gain_does_where_levels_are_normalised(
    windows: torch.Tensor, normalisation: Any, changes: dict[str, Any], mixing: str, tells: bool
) -> None:
    """What `AugmentConfig` and docs/training.md say of it."""
    little, much = (
        heard(windows[20:60], normalisation, AugmentConfig(gain_db=gain_db, **changes), MIXED[mixing])
        for gain_db in (1e-9, 6.0)
    )
    assert (float((little - much).abs().max()) > 0.01) == tells


@pytest.mark.parametrize(
    ("config", "mixing", "expected"),
    [
        (ALL, "mixup", [-0.7275, 1.0344, 0.0003, 0.4814]),
        (replace(ALL, noise_colours=()), "none", [0.9647, 0.0, -0.1215, -0.7854]),
        (AugmentConfig(), "between-class", [-0.5147, -0.6804, 1.7869, 0.7606]),
        (AugmentConfig(), "cut_mix", [1.3147, 0.1131, 1.5097, -2.2646]),
    ],
)
def test_published_recipes_hear_what_they_heard(
    windows: torch.Tensor, config: AugmentConfig, mixing: str, expected: list[float]
) -> None:
    """Samples of one window, as they were when the published models were trained."""
    found = heard(windows, "rms", config, MIXED[mixing], seed=5)
    assert found[40, ::4000].tolist() == pytest.approx(expected, abs=1e-3)
