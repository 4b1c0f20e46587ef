"""Where pixels land: worked examples, Pillow against our matrices, and brightness on both kinds of array."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from audiocnn.spec import ImageSpec
from audiocnn.visual.fit import Placement, brightness, normalise_brightness, place, resampling_matrix
from audiocnn.visual.picture import fit_picture, on_black
from tests.visual_files import noise_picture

SQUARE = (1.0, 1.0)


def fitted(pixels, height, width, fit="crop", channels=3, pixel_aspect=1.0):
    spec = ImageSpec(height, width, channels, fit)
    return fit_picture(Image.fromarray(pixels), spec, pixel_aspect)


class TestPlace:
    def test_crop_keeps_the_middle(self):
        assert place((40, 100), (20, 20), "crop", SQUARE) == (Placement(0, 40, 20, 0), Placement(30, 70, 20, 0))

    def test_pad_frames_the_whole(self):
        assert place((40, 100), (20, 20), "pad", SQUARE) == (Placement(0, 40, 8, 6), Placement(0, 100, 20, 0))

    def test_stretch_ignores_proportions(self):
        assert place((40, 100), (20, 20), "stretch", SQUARE) == (Placement(0, 40, 20, 0), Placement(0, 100, 20, 0))

    def test_wide_pixels_count_by_their_width(self):
        """40 x 50 pixels that are twice as wide as high are a picture of 40 x 100."""
        rows, columns = place((40, 50), (20, 20), "crop", (1.0, 2.0))
        assert (rows, columns) == (Placement(0, 40, 20, 0), Placement(15, 35, 20, 0))
        rows, columns = place((40, 50), (20, 20), "pad", (1.0, 2.0))
        assert (rows, columns) == (Placement(0, 40, 8, 6), Placement(0, 50, 20, 0))

    @given(
        shape=st.tuples(*[st.integers(1, 10_000)] * 3),
        target=st.tuples(*[st.integers(1, 300)] * 3),
        fit=st.sampled_from(["crop", "pad", "stretch"]),
    )
    def test_any_sizes(self, shape, target, fit):
        axes = place(shape, target, fit, (1.0, 1.0, 1.0))
        for axis, size, wanted in zip(axes, shape, target, strict=True):
            assert 0 <= axis.start < axis.stop <= size
            assert axis.size >= 1
            assert 0 <= axis.offset <= wanted - axis.size
            if fit != "pad":
                assert (axis.size, axis.offset) == (wanted, 0)
            else:
                assert (axis.start, axis.stop) == (0, size)
                assert abs(wanted - axis.size - 2 * axis.offset) <= 1  # as much on either side
        if fit == "crop":
            assert any(axis.stop - axis.start == pytest.approx(size) for axis, size in zip(axes, shape, strict=True))
        if fit == "pad":
            assert any(axis.size == wanted for axis, wanted in zip(axes, target, strict=True))


class TestResampling:
    def test_the_same_size_is_left_alone(self):
        np.testing.assert_array_equal(resampling_matrix(Placement(0, 7, 7, 0), 7), np.eye(7))

    def test_halving_by_hand(self):
        """Two target values wide: 1/8, 3/8, 3/8, 1/8 of the four values around, and what is left of it at the rim."""
        matrix = resampling_matrix(Placement(0, 6, 3, 0), 6)
        np.testing.assert_allclose(matrix[1], [0, 1 / 8, 3 / 8, 3 / 8, 1 / 8, 0], atol=1e-6)
        np.testing.assert_allclose(matrix[0], [3 / 7, 3 / 7, 1 / 7, 0, 0, 0], atol=1e-6)

    def test_doubling_by_hand(self):
        matrix = resampling_matrix(Placement(0, 2, 4, 0), 2)
        np.testing.assert_allclose(matrix, [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]], atol=1e-6)

    @given(length=st.integers(1, 80), size=st.integers(1, 40), cut=st.tuples(st.floats(0, 0.4), st.floats(0.6, 1)))
    def test_weights(self, length, size, cut):
        matrix = resampling_matrix(Placement(cut[0] * length, cut[1] * length, size, 0), length)
        assert matrix.shape == (size, length)
        assert matrix.min() >= 0
        np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)

    @pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
    @pytest.mark.parametrize("shape", [(40, 30), (9, 64), (28, 28), (5, 7), (1, 50)])
    def test_pictures_and_volumes_are_resampled_alike(self, fit, shape):
        pixels = noise_picture(*shape, channels=1)
        axes = place(shape, (20, 24), fit, SQUARE)
        down, across = (resampling_matrix(axis, length) for axis, length in zip(axes, shape, strict=True))
        expected = np.zeros((20, 24))
        expected[axes[0].target, axes[1].target] = down @ pixels @ across.T
        np.testing.assert_allclose(
            fitted(pixels, 20, 24, fit, channels=1)[0], expected, atol=1.6
        )  # Pillow rounds twice


class TestFitPicture:
    def test_a_picture_of_the_right_size_keeps_its_pixels(self):
        pixels = noise_picture(28, 20)
        for fit in ("crop", "pad", "stretch"):
            np.testing.assert_array_equal(fitted(pixels, 28, 20, fit), np.moveaxis(pixels, -1, 0))

    def test_cropping_alone_moves_no_pixel(self):
        pixels = noise_picture(20, 30)
        np.testing.assert_array_equal(fitted(pixels, 20, 20), np.moveaxis(pixels[:, 5:25], -1, 0))

    def test_padding_alone_moves_no_pixel_and_is_black(self):
        pixels = noise_picture(20, 30)
        out = fitted(pixels, 30, 30, "pad")
        np.testing.assert_array_equal(out[:, 5:25], np.moveaxis(pixels, -1, 0))
        assert not out[:, :5].any()
        assert not out[:, 25:].any()

    def test_fine_stripes_average_out_instead_of_turning_into_broad_ones(self):
        stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))
        assert np.ptp(fitted(stripes, 30, 30, "stretch", channels=1).astype(int)) <= 10

    def test_grey_weighs_the_colours_as_the_eye_does(self):
        colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
        assert fitted(colours, 1, 3, "stretch", channels=1)[0, 0].tolist() == [76, 150, 29]

    def test_grey_pictures_fill_all_three_channels(self):
        pixels = noise_picture(8, 8, channels=1)
        np.testing.assert_array_equal(fitted(pixels, 8, 8), [pixels] * 3)

    def test_one_row_can_become_a_square_and_back(self):
        row = noise_picture(1, 1000, channels=1)
        assert fitted(row, 28, 28, "crop", channels=1).shape == (1, 28, 28)
        assert fitted(row, 28, 28, "pad", channels=1)[0, 13].any()
        assert fitted(row.T, 28, 28, "pad", channels=1)[0, :, 13].any()


def test_transparency_shows_black():
    see_through = np.array([[[200, 100, 50, 255], [200, 100, 50, 0], [200, 100, 50, 128]]], np.uint8)
    assert np.asarray(on_black(Image.fromarray(see_through)))[0].tolist() == [[200, 100, 50], [0, 0, 0], [100, 50, 25]]


def test_brightness_is_the_same_on_arrays_and_tensors():
    pixels = np.arange(256, dtype=np.uint8)
    array = normalise_brightness(brightness(pixels), 0.3, 0.2)
    tensor = normalise_brightness(brightness(torch.from_numpy(pixels)), 0.3, 0.2)
    assert array.dtype == np.float32
    assert tensor.dtype == torch.float32
    np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-6)
    assert array[[0, 255]].tolist() == pytest.approx([-1.5, 3.5])
