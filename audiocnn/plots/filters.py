"""Draws the filters of the first layer."""

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from audiocnn.insight.filters import Filters, FrequencyResponses
from audiocnn.plots.figure import COLOURS, INK, PALE, figure, styled
from audiocnn.plots.tiles import montage, picture, spread

MOST = 64
"""Filters in one figure; of more, as many are drawn, evenly spread."""
RANGE_DB = 40.0
_POINTS = 128
"""Of a frequency response in a cell: more would make pages large and look the same."""


@styled
def draw_waves(filters: Filters, responses: FrequencyResponses) -> Figure:
    """Filters on sound, by centre frequency: each as a wave and, below it, its frequency response."""
    shown = responses.order[spread(len(responses.order), MOST)]
    columns = min(8, len(shown))
    rows = -(-len(shown) // columns)
    taps = filters.weights.shape[-1]
    responses = responses.shortened(_POINTS)
    khz = responses.frequencies_hz / 1000
    made = figure(1.3 * columns + 1, 1.25 * rows + 1, _title(filters, len(shown)))
    # All in one pair of axes: a pair for each cell would take matplotlib a quarter of a minute. A cell is 1 wide and 2
    # high, half for the wave and half for the response.
    axes = made.subplots()
    waves, gains, fills, zeros = [], [], [], []
    for place, index in enumerate(shown):
        left, bottom = 1.12 * (place % columns), -2.5 * (place // columns)
        weights = filters.weights[index].mean(axis=0)
        height = 0.45 * weights / (np.abs(weights).max() or 1.0)
        waves.append(np.column_stack([left + (np.arange(taps) + 0.5) / taps, bottom + 1.5 + height]))
        relative = responses.gains_db[index] - responses.gains_db[index].max()
        level = bottom + 0.95 * (1 + relative.clip(-RANGE_DB) / RANGE_DB)
        across = left + khz / khz[-1]
        gains.append(np.column_stack([across, level]))
        fills.append([(left, bottom), *gains[-1], (left + 1, bottom)])
        zeros.append([(left, bottom + 1.5), (left + 1, bottom + 1.5)])
        axes.text(left + 0.5, bottom + 2.04, _hertz(responses.centres_hz[index]), fontsize=7, ha="center")
    axes.add_collection(PolyCollection(fills, facecolor=PALE))
    axes.add_collection(LineCollection(zeros, colors=PALE, linewidths=0.8))
    axes.add_collection(LineCollection(waves, colors=INK, linewidths=0.8))
    axes.add_collection(LineCollection(gains, colors=COLOURS[0], linewidths=0.8))
    if taps < 16:
        axes.plot(*np.concatenate(waves).T, color=INK, linestyle="", marker=".", markersize=4)
    lowest = -2.5 * (rows - 1)
    last_row = len(shown) - columns * (rows - 1)
    axes.set_xticks(
        [1.12 * column + side for column in range(last_row) for side in (0.04, 0.96)],
        ["0", f"{khz[-1]:.3g}"] * last_row,
        fontsize=7,
    )
    axes.set_yticks(
        [-2.5 * row + height for row in range(rows) for height in (0, 0.95)],
        [f"-{RANGE_DB:g}", "0"] * rows,
        fontsize=7,
    )
    axes.tick_params(length=2)
    axes.spines[:].set_visible(False)
    axes.set(xlim=(-0.03, 1.12 * columns), ylim=(lowest - 0.1, 2.4))
    length = f"{taps} samples, {taps / (2 * khz[-1]):.3g} ms"
    axes.set_xlabel(
        f"blue: gain over frequency in kHz; black: the filter itself, {length}, at its own scale", fontsize=8
    )
    axes.set_ylabel("gain in dB, each filter's best is 0", fontsize=8)
    return made


@styled
def draw_frequencies(filters: Filters, responses: FrequencyResponses) -> Figure:
    """All filters on sound in one picture: centre frequency and frequency response over the filter's rank."""
    order, khz = responses.order, responses.frequencies_hz / 1000
    made = figure(9, 3.8, _title(filters, len(order)))
    centres, image = made.subplots(1, 2, gridspec_kw={"width_ratios": [1, 1.5]})
    centres.plot(responses.centres_hz[order] / 1000, color=INK, marker=".", markersize=4, linewidth=0.8)
    centres.set(xlabel="filter, by centre frequency", ylabel="centre frequency in kHz", ylim=(0, khz[-1]))
    centres.grid()
    relative = responses.gains_db[order] - responses.gains_db[order].max(axis=1, keepdims=True)
    colours = image.imshow(
        relative.T,
        aspect="auto",
        origin="lower",
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0,
        interpolation="none",
        extent=(-0.5, len(order) - 0.5, 0, khz[-1]),
    )
    image.set(xlabel="filter, by centre frequency", ylabel="frequency in kHz")
    made.colorbar(colours, ax=image, label="gain in dB, each filter's best is 0")
    return made


@styled
def draw_tiles(filters: Filters) -> Figure:
    """Filters on images as tiles; those on video and volumes as rows of a tile for each frame or slice.

    Three channels are drawn in colour, others as their mean, each filter at its own scale.
    """
    shown = spread(len(filters.weights), MOST)
    weights = filters.weights[shown]
    largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    stacks = 0.5 + 0.5 * weights / np.maximum(largest, 1e-12)
    if weights.ndim == 4:
        stacks = stacks[:, :, np.newaxis]
    else:
        # A white tile behind the last slice keeps filters apart.
        stacks = np.pad(stacks, ((0, 0), (0, 0), (0, 1), (0, 0), (0, 0)), constant_values=1)
    slices = stacks.shape[2]
    per_row = min(len(shown), max(1, 16 // slices))
    tiles = stacks.transpose(0, 2, 3, 4, 1).reshape(-1, *weights.shape[-2:], weights.shape[1])
    values, corners = montage(tiles, per_row * slices)
    made = figure(0.6 * per_row * slices + 1, 0.6 * -(-len(shown) // per_row) + 1, _title(filters, len(shown)))
    axes = made.subplots()
    picture(axes, values)
    rows = corners[:: per_row * slices, 0] + (tiles.shape[1] - 1) / 2
    axes.set_yticks(rows, [str(index) for index in shown[::per_row]], fontsize=7)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("first filter of the row" if per_row > 1 else "filter", fontsize=8)
    over = f", its {slices - 1} frames or slices side by side" if slices > 1 else ""
    axes.set_xlabel(f"each filter at its own scale, grey is 0{over}", fontsize=8)
    return made


def _title(filters: Filters, shown: int) -> str:
    count = len(filters.weights)
    some = f"{shown} of the {count} filters" if shown < count else f"the {count} filters"
    return f"{some} of {filters.layer}" + ("" if filters.trained else ": RANDOM WEIGHTS, not trained")


def _hertz(hertz: float) -> str:
    return f"{hertz:.0f} Hz" if hertz < 1000 else f"{hertz / 1000:.2f} kHz"
