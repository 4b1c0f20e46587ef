"""The same idea over two and three axes (A. Smola, L11; the Keras slides; M. Cochez): computed by our modules."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from audiocnn import models
from audiocnn.nn.blocks import ConvNormAct, Pool, pointwise
from audiocnn.nn.cost import layer_costs
from audiocnn.nn.filters import IMAGE_FILTERS, convolution
from audiocnn.nn.group_conv import LiftingConv, elements, turned
from audiocnn.nn.shapes import Span, output_length, same_padding
from audiocnn.spec import ImageSpec, VideoSpec

NUMBERS = ([0, 1, 2], [3, 4, 5], [6, 7, 8])
KERNEL = ([0, 1], [2, 3])
MEGAPIXELS_12 = (3, 3000, 4000)


def image(rows):
    return torch.tensor(rows, dtype=torch.float32)[None, None]


def on_meta(make):
    """A network that has shapes and no numbers, so that billions of weights take no memory."""
    with torch.device("meta"):
        return make()


def weights(network):
    return sum(parameter.numel() for parameter in network.parameters())


class TestWorkedExamples:
    def test_cross_correlation(self):
        assert convolution(image(KERNEL))(image(NUMBERS)).tolist() == [[[[19, 25], [37, 43]]]]

    def test_with_a_ring_of_zeros(self):
        assert convolution(image(KERNEL), padding=1)(image(NUMBERS)).tolist() == [
            [[[0, 3, 8, 4], [9, 19, 25, 10], [21, 37, 43, 16], [6, 7, 8, 0]]]
        ]

    def test_with_strides_of_three_down_and_two_across(self):
        layer = convolution(image(KERNEL), padding=1, stride=(3, 2))
        assert layer(image(NUMBERS)).tolist() == [[[[0, 8], [6, 8]]]]

    def test_a_checkerboard(self):
        layer = convolution([[[[1, -1], [-1, 1]]]])
        assert layer(image([[1, 0, 2], [2, -1, 4], [0, -5, 3]])).tolist() == [[[[-2, 3], [-2, 3]]]]

    def test_two_filters_over_three_channels_with_stride_two(self):
        channels = (
            ("11021", "21020", "22122", "02212", "21002"),
            ("12102", "20002", "02010", "12012", "10201"),
            ("20001", "00010", "11021", "00021", "01122"),
        )
        x = torch.tensor([[[float(c) for c in row] for row in rows] for rows in channels])[None]
        w0 = [[-1, 0, 0, -1, -1, 1, 0, 1, -1], [-1, 0, -1, 1, -1, 0, 0, 1, -1], [0, -1, -1, 1, 1, -1, -1, -1, -1]]
        w1 = [[0, 1, 1, 1, 1, -1, -1, 1, -1], [1, -1, 0, 1, 1, 1, -1, 1, 0], [0, 1, -1, 0, 1, 1, 1, 0, 0]]
        filters = torch.tensor([w0, w1]).reshape(2, 3, 3, 3)
        assert convolution(filters, bias=[1, 0], stride=2, padding=1)(x)[0].tolist() == [
            [[5, 0, -2], [-2, -3, 0], [-4, -9, -1]],
            [[8, -1, 7], [4, 4, 8], [4, 9, 7]],
        ]


class TestOutputSize:
    """floor((n - k + p + s) / s) with p zeros in all."""

    @pytest.mark.parametrize(
        ("n", "k", "p", "s", "expected"), [(3, 2, 0, 1, 2), (3, 2, 2, 1, 4), (3, 2, 2, 3, 2), (3, 2, 2, 2, 2),
                                           (5, 3, 2, 2, 3), (32, 5, 0, 1, 28)]
    )  # fmt: skip
    def test_of_the_examples(self, n, k, p, s, expected):
        assert output_length(n, Span(k, s), p) == expected
        layer = convolution(torch.ones(1, 1, k, k), padding=p // 2, stride=s)
        assert layer(torch.zeros(1, 1, n, n)).shape[2:] == (expected, expected)

    def stacked(self, size, layers):
        """The side of what `layers` layers of five by five leave of an image."""
        stack = nn.Sequential(*(ConvNormAct(2, 1, 1, 5, padding="valid", norm=False) for _ in range(layers)))
        return layer_costs(stack, (1, size, size))[-1].output_shape[-1]

    def test_32_pixels_are_28_after_one_layer_and_4_after_seven(self):
        assert [self.stacked(32, layers) for layers in (1, 7)] == [28, 4]

    def test_224_pixels_take_55_layers_to_come_down_to_4(self):
        """The slide says 44, which is what 180 pixels take."""
        assert self.stacked(224, 55) == 4
        assert self.stacked(224, 44) == 48
        assert self.stacked(180, 44) == 4

    @pytest.mark.parametrize(("kernel_size", "before", "after"), [(2, 1, 0), (4, 2, 1), (5, 2, 2), (6, 3, 2)])
    def test_even_kernels_pad_ceil_before_and_floor_after(self, kernel_size, before, after):
        """With p = k - 1 zeros in all, the size stays. A filter of powers of ten shows which zeros were where."""
        p = kernel_size - 1
        assert same_padding(kernel_size) == (math.ceil(p / 2), math.floor(p / 2)) == (before, after)
        x = torch.arange(1.0, 8)
        filters = 10.0 ** torch.arange(kernel_size)
        out = convolution(filters[None, None], padding="same")(x[None, None])[0, 0]
        padded = nn.functional.pad(x, (before, after)).tolist()
        assert out.tolist() == [
            sum(padded[t + i] * 10**i for i in range(kernel_size)) for t in range(len(x))
        ]  # fmt: skip


class TestConvolutionOrCrossCorrelation:
    @pytest.mark.parametrize("ndim", [1, 2, 3])
    def test_in_practice_no_difference(self, ndim):
        """A layer that flips its kernel learns the same filter the other way round, and computes the same."""
        torch.manual_seed(0)
        x, target = torch.randn(4, 2, *(6,) * ndim), torch.randn(4, 3, *(4,) * ndim)
        axes = tuple(range(2, 2 + ndim))
        plain = ConvNormAct(ndim, 2, 3, 3, padding="valid", norm=False, activation=None)
        flipping = ConvNormAct(ndim, 2, 3, 3, padding="valid", norm=False, activation=None)
        with torch.no_grad():
            flipping.conv.weight.copy_(plain.conv.weight.flip(axes))
        for _ in range(3):
            for layer, flip in ((plain, False), (flipping, True)):
                kernel = layer.conv.weight.flip(axes) if flip else layer.conv.weight
                loss = (torch.func.functional_call(layer, {"conv.weight": kernel}, x) - target).square().mean()
                (gradient,) = torch.autograd.grad(loss, layer.conv.weight)
                with torch.no_grad():
                    layer.conv.weight -= gradient
        torch.testing.assert_close(flipping.conv.weight.flip(axes), plain.conv.weight)


class TestFixedFilters:
    SQUARE = [[0] * 7] * 2 + [[0, 0, 1, 1, 1, 0, 0]] * 3 + [[0] * 7] * 2

    def filtered(self, name, rows):
        return convolution(image(IMAGE_FILTERS[name]))(image(rows))[0, 0]

    @pytest.mark.parametrize("name", ["edges", "vertical edges"])
    def test_edge_filters_are_silent_where_nothing_changes(self, name):
        assert self.filtered(name, [[7] * 5] * 5).tolist() == [[0] * 3] * 3

    @pytest.mark.parametrize("name", ["blur", "sharpen"])
    def test_blur_and_sharpen_leave_an_even_area_as_it_is(self, name):
        assert self.filtered(name, [[7] * 5] * 5).tolist() == [[7] * 3] * 3

    def test_edge_detection_draws_the_outline_of_a_square(self):
        edges = self.filtered("edges", self.SQUARE)
        assert (edges > 0).int().tolist() == [
            [0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 0, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]
        ]  # fmt: skip
        assert edges[1, 1] == 5  # three neighbours of the square's corner are in it

    def test_blur_spreads_a_point_as_its_filter(self):
        point = [[0] * 5, [0] * 5, [0, 0, 16, 0, 0], [0] * 5, [0] * 5]
        assert self.filtered("blur", point).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]

    def test_sharpen_overshoots_on_both_sides_of_an_edge(self):
        assert self.filtered("sharpen", [[1, 1, 1, 3, 3, 3]] * 3).tolist() == [[1, -1, 5, 3]]

    def test_vertical_edges_answer_and_horizontal_ones_do_not(self):
        step = [[0, 0, 1, 1]] * 4
        assert self.filtered("vertical edges", step).tolist() == [[3, 3]] * 2
        assert self.filtered("vertical edges", [*zip(*step, strict=True)]).tolist() == [[0, 0]] * 2


class TestEdgeAndMaxPooling:
    """[1 1 0 0 0] in four rows, filtered by [1 -1], then max pooling 2 x 2 with stride 1."""

    def answers(self, row):
        edge = convolution([[[[1, -1]]]])(image([row] * 4))
        with_a_last_column = nn.functional.pad(edge, (0, 1, 0, 1))
        return edge[0, 0], Pool(2, "max", 2, stride=1)(with_a_last_column)[0, 0]

    def test_the_answer_is_spread_by_one_pixel(self):
        """The slide prints 1 1 1 0: the edge answers in one column, and a window of two reaches it from two."""
        edge, pooled = self.answers([1, 1, 0, 0, 0])
        assert edge.tolist() == [[0, 1, 0, 0]] * 4
        assert pooled.tolist() == [[1, 1, 0, 0]] * 4

    def test_so_that_a_shift_of_one_pixel_does_not_lose_it(self):
        edge, pooled = self.answers([1, 1, 0, 0, 0])
        edge_after, pooled_after = self.answers([1, 1, 1, 0, 0])
        assert (edge * edge_after).sum() == 0
        assert (pooled * pooled_after).tolist() == [[0, 1, 0, 0]] * 4
        assert (pooled * self.answers([1, 1, 1, 1, 0])[1]).sum() == 0  # two pixels are too many


class TestChannels:
    @pytest.mark.parametrize("ndim", [1, 2, 3])
    def test_a_filter_of_one_by_one_is_a_dense_layer_over_the_channels_of_each_position(self, ndim):
        torch.manual_seed(0)
        layer = pointwise(ndim, 3, 6, norm=False, activation=None)
        dense = nn.Linear(3, 6, bias=False)
        dense.load_state_dict({"weight": layer.conv.weight.reshape(6, 3)})
        x = torch.randn(2, 3, *(4, 5, 2)[:ndim])
        torch.testing.assert_close(layer(x), dense(x.movedim(1, -1)).movedim(-1, 1))

    def test_input_kernel_and_output_have_the_shapes_of_the_slide(self):
        c_i, c_o, h, w, kh, kw = 3, 7, 20, 30, 5, 2
        layer = ConvNormAct(2, c_i, c_o, (kh, kw), padding="valid")
        assert layer.conv.weight.shape == (c_o, c_i, kh, kw)
        assert layer(torch.zeros(1, c_i, h, w)).shape[1:] == (c_o, h - kh + 1, w - kw + 1)

    def test_images_have_three_axes_and_colour_video_four(self):
        assert len(ImageSpec(28, 28).shape) == 3
        assert len(VideoSpec(16, 112, 112, frame_rate=15, hop=8, channels=3).shape) == 4


class TestEquivariance:
    @pytest.mark.parametrize("ndim", [1, 2, 3])
    def test_shifting_the_input_shifts_the_response_along_every_axis(self, ndim):
        torch.manual_seed(0)
        layer = nn.Sequential(ConvNormAct(ndim, 1, 4, 3), ConvNormAct(ndim, 4, 2, 3)).eval()
        x = torch.zeros(1, 1, *(14,) * ndim)
        x[(0, 0, *(slice(4, 7),) * ndim)] = torch.randn((3,) * ndim)
        with torch.no_grad():
            response = layer(x)
            for axis in range(2, 2 + ndim):
                moved = layer(x.roll(3, axis))
                torch.testing.assert_close(moved, response.roll(3, axis))
                assert (moved - response).abs().max() > 0.1

    @pytest.mark.parametrize("ndim", [1, 2, 3])
    def test_with_strides_only_shifts_by_whole_strides_do(self, ndim):
        torch.manual_seed(0)
        layer = nn.Sequential(ConvNormAct(ndim, 1, 4, 3), Pool(ndim, "max", 2)).eval()
        x = torch.zeros(1, 1, *(16,) * ndim)
        x[(0, 0, *(slice(5, 8),) * ndim)] = torch.randn((3,) * ndim)
        with torch.no_grad():
            response = layer(x)
            for axis in range(2, 2 + ndim):
                torch.testing.assert_close(layer(x.roll(4, axis)), response.roll(2, axis))
                odd = layer(x.roll(3, axis))
                assert min((odd - response.roll(s, axis)).abs().max() for s in (1, 2)) > 0.05

    def plain(self):
        return convolution(torch.randint(-3, 4, (2, 1, 3, 3)).float())

    def test_turning_the_image_does_not_turn_the_response_of_a_plain_convolution(self):
        torch.manual_seed(0)
        layer, x = self.plain(), torch.randint(-3, 4, (1, 1, 8, 8)).float()
        for turns in (1, 2, 3):
            assert not torch.equal(layer(turned(x, (False, turns))), turned(layer(x), (False, turns)))

    def test_enlarging_the_image_does_not_enlarge_the_response(self):
        torch.manual_seed(0)
        layer, x = self.plain(), torch.randn(1, 1, 8, 8)
        enlarged = nn.functional.interpolate(layer(x), scale_factor=2)
        assert (layer(nn.functional.interpolate(x, scale_factor=2))[..., 1:-1, 1:-1] - enlarged).abs().max() > 1

    @pytest.mark.parametrize("group", ["p4", "p4m"])
    def test_a_group_convolution_turns_with_the_image_exactly(self, group):
        """Its strongest answer over all turned copies of the filter moves with the image and does not change."""
        torch.manual_seed(0)
        layer = LiftingConv(group, 1, 2, 3)
        with torch.no_grad():
            layer.weight.copy_(torch.randint(-3, 4, layer.weight.shape))
        x = torch.randint(-3, 4, (1, 1, 8, 8)).float()
        strongest = layer(x).amax(2)
        for g in elements("p4m"):
            assert torch.equal(layer(turned(x, g)).amax(2), turned(strongest, g)) == (g in elements(group)), g

    def test_its_planes_are_turned_copies_of_one_filter(self):
        """A plain network may learn such copies one by one; here they share their weights."""
        torch.manual_seed(0)
        layer = LiftingConv("p4", 1, 1, 3)
        copies = torch.cat([turned(layer.weight[:, :, 0], g) for g in elements("p4")]).detach()
        x = torch.randn(1, 1, 8, 8)
        torch.testing.assert_close(layer(x)[:, 0], convolution(copies)(x))
        assert weights(convolution(copies)) == 4 * layer.weight.numel()


class TestWhyNotAnMlp:
    def test_a_12_megapixel_photo_and_100_hidden_units_take_3_6_billion_weights(self):
        assert math.prod(MEGAPIXELS_12) == 36_000_000
        mlp = on_meta(lambda: models.build("mlp", 10, {"input_shape": MEGAPIXELS_12, "hidden": 100}))
        assert mlp.hidden.weight.numel() == 3_600_000_000
        assert mlp.hidden.weight.numel() * mlp.hidden.weight.element_size() == 14.4e9  # bytes in fp32

    def test_a_convolution_has_as_few_whatever_the_size_of_the_photo(self):
        layer = on_meta(lambda: ConvNormAct(2, 3, 100, 5, bias=True, norm=False))
        for shape in (MEGAPIXELS_12, (3, 28, 28)):
            rows = layer_costs(layer, shape)
            assert sum(row.parameters for row in rows) == 100 * (3 * 5 * 5 + 1) == 7_600
            assert rows[-1].output_shape == (100, *shape[1:])

    def test_200_by_200_pixels_and_40_000_hidden_units_take_1_6_billion(self):
        mlp = on_meta(lambda: models.build("mlp", 10, {"input_shape": (1, 200, 200), "hidden": 40_000}))
        assert mlp.hidden.weight.numel() == 1_600_000_000

    def test_24_filters_of_two_by_two_have_96_weights_for_each_input_channel(self):
        for channels in (1, 3):
            assert weights(ConvNormAct(2, channels, 24, 2, norm=False)) == 96 * channels

    def test_the_mlp_of_mnist_has_7_960(self):
        assert weights(models.build("mlp", 10)) == 784 * 10 + 10 + 10 * 10 + 10 == 7_960


def test_waldo_is_where_his_filter_answers_most():
    random = np.random.default_rng(0)
    waldo = random.choice([-1.0, 1.0], (6, 6))
    scene = random.standard_normal((100, 150))
    scene[61:67, 83:89] += 2 * waldo
    response = convolution(image(waldo.tolist()))(image(scene.tolist()))[0, 0]
    assert divmod(int(response.argmax()), response.shape[1]) == (61, 83)
