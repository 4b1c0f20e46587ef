"""Draws what a model made of a file: feature maps, and where each class was seen."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from audiocnn.insight.pictures import Pictures
from audiocnn.insight.view import FeatureMap, FileView
from audiocnn.plots.figure import GREY, PALE, figure, styled
from audiocnn.plots.tiles import montage, picture

MOST_LABELS = 6
_RANGE_DB = 50.0
_TILES = 8


@styled
def draw_timeline(view: FileView, outline: NDArray[np.floating] | None = None) -> Figure:
    """When each class was seen: activations and window scores of the best labels of a sound or a video.

    outline: smallest and largest amplitude `(2, columns)` of a sound, drawn on top.
    """
    best = view.ranked()[:MOST_LABELS]
    made = figure(9, 5 if outline is None else 6.4, _title("when each class was heard or seen", view, best))
    heights = [2.2, 1.4] if outline is None else [0.9, 2.2, 1.4]
    axes = made.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    activation, scores = axes[-2:]
    if outline is not None:
        times_s = np.linspace(0, view.duration_s or 0, outline.shape[1])
        axes[0].fill_between(times_s, *outline, color=GREY, linewidth=0.3)
        axes[0].set(ylabel="amplitude")
    heard = [window for window in view.windows if window.scores is not None]
    middles_s = [(window.start_s + window.end_s) / 2 for window in heard]
    for rank, label in enumerate(best):
        colour, curve = f"C{rank}", view.curves()[label]
        activation.plot(view.times_s(), curve, color=colour, linewidth=1.1, label=_with_score(view, label))
        values = [window.scores[label] for window in heard if window.scores is not None]
        scores.plot(middles_s, values, color=colour, marker="o", markersize=3, linewidth=1)
    activation.axhline(0, color=GREY, linewidth=0.8)
    activation.set(ylabel=f"activation in logits\nat {view.layer}")
    activation.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, title="label, score")
    scores.set(xlabel="time in s", ylabel="score of each window,\nat its middle", ylim=(-0.04, 1.04))
    for one in axes:
        one.grid()
        one.set(xlim=(0, view.duration_s))
    for window in view.windows:
        if window.scores is None:
            for one in axes:
                one.axvspan(window.start_s, window.end_s, color=PALE)
    return made


@styled
def draw_heat(view: FileView, pictures: Pictures) -> Figure:
    """Where each class was seen: a row for each of the best labels, over an image or over frames or slices."""
    best = view.ranked()[:MOST_LABELS]
    is_image = view.activations.ndim == 3
    stacks = view.activations[:, np.newaxis] if is_image else view.activations
    greys = pictures.values.mean(axis=-1, keepdims=True) / 255
    count, height, width = greys.shape[:3]
    size = 2.2 if is_image else 1.3
    made = figure(
        size * (count + is_image) + 2.2,
        size * height / width * (len(best)) + 1,
        _title("where each class was seen", view, best),
    )
    cells = made.subplots(len(best), count + is_image, squeeze=False)
    largest = float(np.nanmax(np.abs(stacks[best]), initial=1e-9))
    for row, label in zip(cells, best, strict=True):
        row[0].set_ylabel(_with_score(view, label), fontsize=8, rotation=0, ha="right", va="center")
        for cell in row:
            cell.set(xticks=[], yticks=[])
        if is_image:
            picture(row[0], pictures.values[0] / 255)
        for cell, grey, place in zip(row[is_image:], greys, pictures.places, strict=True):
            picture(cell, 0.4 + 0.6 * grey)  # on black no colour can be told from another
            heat = cell.imshow(
                stacks[label, min(int(place * stacks.shape[1]), stacks.shape[1] - 1)],
                extent=(-0.5, width - 0.5, height - 0.5, -0.5),
                cmap="RdBu_r",
                vmin=-largest,
                vmax=largest,
                alpha=0.5,
                interpolation="bilinear",
            )
    if not is_image:
        for cell, place in zip(cells[0], pictures.places, strict=True):
            where = f"{place * view.duration_s:.2f} s" if view.duration_s else f"depth {100 * place:.0f}%"
            cell.set_title(where, fontsize=8)
    made.colorbar(heat, ax=cells, label=f"activation in logits\nat {view.layer}", shrink=0.9)
    return made


@styled
def draw_features(view: FileView, orders: Mapping[str, NDArray[np.intp]]) -> Figure:
    """The feature maps of a file: a panel for each layer, of channels over time or of channels as tiles.

    orders: for layers whose channels have a meaningful order, that order.
    """
    over_time = view.pictures is None
    shapes = [feature.values.shape for feature in view.features]
    heights = [1.8 if over_time else 8.5 * -(-s[0] // _TILES) * s[1] / (_TILES * s[2]) + 0.7 for s in shapes]
    made = figure(9, sum(heights) + 0.6, "feature maps")
    panels = made.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, feature in zip(panels, view.features, strict=True):
        axes.set_title(feature.layer, fontsize=8, loc="left", pad=3)
        if over_time:
            _draw_over_time(axes, feature, orders.get(feature.layer), view.duration_s or 0)
        else:
            _draw_as_tiles(axes, feature)
    if over_time:
        axes.set(xlabel="time in s")
    return made


def _draw_over_time(axes: Axes, feature: FeatureMap, order: NDArray[np.intp] | None, duration_s: float) -> None:
    values = feature.values if order is None else feature.values[order]
    largest = float(np.nanpercentile(np.abs(values), 99.5)) or 1e-9
    lowest, unit = (-largest if np.nanmin(values) < 0 else 0.0), "RMS" if feature.rms else "value"
    if order is not None and feature.rms:
        # The levels of filters on sound are a spectrogram, and are read like one.
        values = 20 * np.log10(np.maximum(values / largest, 1e-9))
        lowest, largest, unit = -_RANGE_DB, 0.0, "level in dB"
    shown = axes.imshow(
        values,
        aspect="auto",
        origin="lower",
        extent=(0, duration_s, -0.5, len(values) - 0.5),
        cmap="RdBu_r" if lowest == -largest else "magma",
        vmin=lowest,
        vmax=largest,
        interpolation="nearest",
    )
    axes.set_ylabel("channel" if order is None else "channel, by\ncentre frequency", fontsize=8)
    axes.figure.colorbar(shown, ax=axes, label=unit)


def _draw_as_tiles(axes: Axes, feature: FeatureMap) -> None:
    largest = float(np.abs(feature.values).max()) or 1e-9
    signed = feature.values.min() < 0
    tiles = 0.5 + 0.5 * feature.values / largest if signed else feature.values / largest
    height, width = tiles.shape[1:]
    # A whole row at least, so that tiles are as large with one channel as with many.
    white = np.ones((max(0, _TILES - len(tiles)), height, width))
    values, corners = montage(np.concatenate([tiles, white])[..., np.newaxis], _TILES)
    picture(axes, values)
    for channel, (row, column) in zip(feature.channels, corners, strict=False):
        label = {"facecolor": "white", "linewidth": 0, "pad": 1}
        axes.text(column, row, str(channel), fontsize=6, ha="left", va="top", bbox=label)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_xlabel(f"channels of {height} x {width} positions, {_grey(signed, largest)}", fontsize=7)


def _grey(signed: bool, largest: float) -> str:
    return f"black -{largest:.3g}, grey 0, white {largest:.3g}" if signed else f"black 0, white {largest:.3g}"


def _title(what: str, view: FileView, best: list[int]) -> str:
    return what if len(best) == len(view.labels) else f"{what}: the best {len(best)} of {len(view.labels)} labels"


def _with_score(view: FileView, label: int) -> str:
    return view.labels[label] if view.scores is None else f"{view.labels[label]}, {view.scores[label]:.2f}"
