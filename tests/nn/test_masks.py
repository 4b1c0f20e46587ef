"""Masks over pictures of sound, which only training has."""

import pytest
import torch

from audiocnn.models import registry
from audiocnn.nn.masks import hide_ranges

PICTURES = torch.ones(500, 64, 200)


def test_whole_bands_and_whole_frames_are_hidden_and_no_more_than_two_ranges_of_each() -> None:
    torch.manual_seed(0)
    masked = hide_ranges(PICTURES, (10, 20))
    bands_hidden = (masked == 0).all(2)
    frames_hidden = (masked == 0).all(1)
    expected = ~(bands_hidden[:, :, None] | frames_hidden[:, None, :])
    assert torch.equal(masked, expected.float())
    for hidden, widest in ((bands_hidden, 10), (frames_hidden, 20)):
        beginnings = (hidden[:, 1:] & ~hidden[:, :-1]).sum(1) + hidden[:, 0]
        assert beginnings.max() == 2
        assert hidden.sum(1).max() <= 2 * widest
        assert hidden.sum(1).float().mean() == pytest.approx(widest, rel=0.1)
        assert hidden.float().mean(0).min() > 0  # the first and the last are hidden too


@pytest.mark.parametrize(("bands", "frames"), [(10, 0), (0, 20)])
def test_one_kind_can_be_left_out(bands: int, frames: int) -> None:
    torch.manual_seed(0)
    masked = hide_ranges(PICTURES, (bands, frames))
    assert (masked == 0).all(2).any() == bool(bands)
    assert (masked == 0).all(1).any() == bool(frames)


def test_a_range_wider_than_the_picture_hides_at_most_all_of_it() -> None:
    torch.manual_seed(0)
    assert hide_ranges(PICTURES[:, :2], (100, 0)).mean() < 0.5


@pytest.mark.parametrize("name", ["wave-picture", "filterbank-resnet"])
def test_networks_mask_in_training_and_answer_as_without_masks(name: str) -> None:
    waveforms = torch.randn(2, 1, 16_000)
    torch.manual_seed(0)
    plain = registry.build(name, 3)
    masked = registry.build(name, 3, {"mask_bands": 30, "mask_frames": 30})
    masked.load_state_dict(plain.state_dict())
    assert torch.equal(plain.eval()(waveforms), masked.eval()(waveforms))
    masked.training = True  # and no layer in it, which would differ by chance
    assert not torch.allclose(masked(waveforms), plain(waveforms), atol=1e-3)
