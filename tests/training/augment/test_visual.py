"""Random changes of images, videos and volumes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from training.augment.visual import augment, mixup
from training.config import VisualAugmentConfig

OFF = VisualAugmentConfig()
EVERYTHING = VisualAugmentConfig(
    shift=0.1,
    rotate_deg=20,
    scale=0.1,
    shear=0.1,
    elastic=0.02,
    flip=("width",),
    contrast=0.2,
    brightness=0.1,
    noise=0.05,
    erase=0.5,
)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def spot(*shape: int, at: tuple[int, ...], batch: int = 64) -> Tensor:
    """One bright point in each item of a batch."""
    out = torch.zeros(batch, 1, *shape)
    out[(slice(None), 0, *at)] = 1
    return out


def brightest(batch: Tensor) -> Tensor:
    """The position of the brightest point of each item, `(batch, axes)`."""
    flat = batch[:, 0].flatten(1).argmax(1)
    return torch.stack(torch.unravel_index(flat, batch.shape[2:]), dim=1)


@pytest.mark.parametrize("shape", [(3, 12, 16), (1, 8, 12, 12)])
def test_switched_off_it_changes_nothing(shape: tuple[int, ...]) -> None:
    batch = torch.rand(4, *shape)
    torch.testing.assert_close(augment(batch, OFF, random(), video=False), batch)


@pytest.mark.parametrize(("shape", "video"), [((1, 28, 20), False), ((3, 6, 28, 20), True), ((2, 10, 12, 14), False)])
def test_everything_at_once_keeps_the_shape_and_is_reproducible(shape: tuple[int, ...], video: bool) -> None:
    batch = torch.rand(8, *shape)
    outs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outs.append(augment(batch, EVERYTHING, random(seed), video=video))
    assert outs[0].shape == batch.shape
    assert torch.isfinite(outs[0]).all()
    assert torch.equal(outs[0], outs[1])
    assert not torch.allclose(outs[0], outs[2])
    assert not torch.allclose(outs[0][0], outs[0][1])  # each item in its own way


@pytest.mark.parametrize("shape", [(21, 41), (15, 21, 31)])
def test_shifts_reach_their_share_of_each_side_and_no_further(shape: tuple[int, ...]) -> None:
    middle = tuple(size // 2 for size in shape)
    moved = brightest(augment(spot(*shape, at=middle, batch=256), replace(OFF, shift=0.2), random(), video=False))
    away = (moved - torch.tensor(middle)).abs().max(dim=0).values
    for distance, size in zip(away.tolist(), shape, strict=True):
        assert 0.15 * size < distance <= 0.2 * size + 1


@pytest.mark.parametrize(("axis", "expected"), [("width", (4, 19)), ("height", (15, 3)), (None, (4, 3))])
def test_flips_mirror_half_of_the_items_along_the_axis_that_is_named(
    axis: str | None, expected: tuple[int, int]
) -> None:
    config = replace(OFF, flip=(axis,) if axis else ())
    found = {tuple(row) for row in brightest(augment(spot(20, 23, at=(4, 3)), config, random(), video=False)).tolist()}
    assert found == {(4, 3), expected}


def test_depth_is_the_first_axis_of_a_volume() -> None:
    batch = augment(spot(9, 20, 23, at=(1, 4, 3)), replace(OFF, flip=("depth",)), random(), video=False)
    assert {tuple(row) for row in brightest(batch).tolist()} == {(1, 4, 3), (7, 4, 3)}


def test_a_turn_keeps_the_distance_from_the_middle_also_where_the_sides_differ() -> None:
    disc = torch.zeros(64, 1, 41, 61)
    disc[:, 0, 18:23, 42:47] = 1  # a blob 14 right of the middle (20, 30)
    turned = augment(disc, replace(OFF, rotate_deg=90), random(), video=False)
    rows, columns = torch.meshgrid(torch.arange(41) - 20.0, torch.arange(61) - 30.0, indexing="ij")
    mass = turned[:, 0].sum(dim=(1, 2))
    y, x = ((turned[:, 0] * grid).sum(dim=(1, 2)) / mass for grid in (rows, columns))
    torch.testing.assert_close((x**2 + y**2).sqrt(), torch.full((64,), 14.0), atol=0.7, rtol=0)
    angles = torch.rad2deg(torch.atan2(y, x))
    assert angles.min() < -60
    assert angles.max() > 60


def test_scale_makes_larger_and_smaller() -> None:
    square = torch.zeros(64, 1, 40, 40)
    square[:, 0, 10:30, 10:30] = 1
    areas = augment(square, replace(OFF, scale=0.3), random(), video=False).sum(dim=(1, 2, 3)) / 400
    assert areas.min() == pytest.approx(np.exp(-0.6), abs=0.08)
    assert areas.max() == pytest.approx(np.exp(0.6), abs=0.12)


def test_elastic_moves_places_by_different_amounts() -> None:
    dots = torch.zeros(1, 1, 40, 40)
    dots[0, 0, 10, 10] = dots[0, 0, 30, 30] = 1
    out = augment(dots, replace(OFF, elastic=0.05), random(), video=False)[0, 0]
    first, second = (torch.tensor(divmod(int(part.argmax()), 40)) for part in (out[:20], out[20:]))
    assert not torch.equal(first - torch.tensor([10, 10]), second + torch.tensor([20, 0]) - torch.tensor([30, 30]))


def test_items_that_are_not_moved_are_mirrored_alone_and_stay_as_sharp() -> None:
    masks = (torch.rand(64, 1, 11, 12, 13, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    config = replace(OFF, shift=0.1, rotate_deg=20, scale=0.1, shear=0.1, elastic=0.02, flip=("width",), moved=0.25)
    sharp = 0
    for mask, out in zip(masks, augment(masks, config, random(), video=False), strict=True):
        same = [torch.allclose(out, kept, atol=1e-4) for kept in (mask, mask.flip(-1))]
        sharp += any(same)
    assert 40 <= sharp <= 56


def test_all_frames_of_a_video_are_moved_alike() -> None:
    still = torch.rand(4, 1, 1, 24, 24).repeat(1, 1, 5, 1, 1)
    out = augment(still, replace(EVERYTHING, noise=0.0), random(), video=True)
    torch.testing.assert_close(out, out[:, :, :1].repeat(1, 1, 5, 1, 1))
    assert not torch.allclose(out, still)


def test_contrast_brightness_and_noise() -> None:
    batch = torch.rand(256, 1, 16, 16)
    mean = batch.mean(dim=(1, 2, 3))
    lighter = augment(batch, replace(OFF, brightness=0.2), random(), video=False)
    shift = lighter.mean(dim=(1, 2, 3)) - mean
    assert 0.18 < shift.abs().max() <= 0.2001
    stretched = augment(batch, replace(OFF, contrast=0.5), random(), video=False)
    ratio = stretched.std(dim=(1, 2, 3)) / batch.std(dim=(1, 2, 3))
    assert (ratio.min() < 0.55, ratio.max() > 1.45) == (True, True)
    torch.testing.assert_close(stretched.mean(dim=(1, 2, 3)), mean)
    noise = augment(torch.zeros(256, 1, 16, 16), replace(OFF, noise=0.1), random(), video=False)
    assert 0.08 < noise.std(dim=(1, 2, 3)).max() < 0.12
    assert noise.std(dim=(1, 2, 3)).min() < 0.01


def test_erase_blanks_a_box_in_the_share_of_items_that_is_named() -> None:
    out = augment(torch.ones(400, 1, 20, 20), replace(OFF, erase=0.5), random(), video=False)
    blank = (out == 0).sum(dim=(1, 2, 3))
    assert 0.35 < (blank > 0).float().mean() < 0.5  # some boxes are too thin to hold a pixel
    assert blank.max() <= 11 * 11


def test_mixup_blends_items_and_targets_by_the_same_share() -> None:
    batch = torch.eye(6).view(6, 1, 2, 3)
    mixed, targets = mixup(batch, torch.eye(6), 0.5, random())
    torch.testing.assert_close(mixed.flatten(1), targets)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(6))
    assert ((targets > 0.01).sum(dim=1) == 2).any()
