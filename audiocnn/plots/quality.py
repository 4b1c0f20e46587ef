"""Draws how good a model is and how its training went, from plain numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from audiocnn.plots.figure import COLOURS, INK, PALE, plot, styled
from audiocnn.plots.tiles import spread

Numbers = NDArray[np.float64]

_MOST_POINTS = 1000
"""In a cloud: more would make the page large and look the same."""
_GRID = 200
"""Steps along each axis that can be told apart in a curve."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of a line, from left to right."""

    x: Numbers
    y: Numbers


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of equally many answers by confidence: the mean confidence in each, and the share of answers that were
    right."""

    confidence: Numbers
    right: Numbers


@styled
def draw_learning(histories: Sequence[Sequence[Mapping[str, Any]]], series: Mapping[str, str], unit: str) -> Figure:
    """Lines over epochs, thin for each run and thick for their mean.

    series: for each line its key in the rows of a history, `validation.KEY` for one of the validation, and its name.
    """
    made, axes = plot(f"{', '.join(series.values())} over epochs")
    for colour, (key, label) in zip(COLOURS, series.items(), strict=False):
        lines = [line for rows in histories if len(line := _column(rows, key))]
        for line in lines if len(lines) > 1 else []:
            axes.plot(np.arange(1, len(line) + 1), line, color=colour, linewidth=0.7, alpha=0.45)
        shortest = min((len(line) for line in lines), default=0)
        if shortest:
            mean = np.mean([line[:shortest] for line in lines], axis=0)
            marker = "o" if shortest == 1 else ""
            axes.plot(np.arange(1, shortest + 1), mean, color=colour, label=label, marker=marker)
    axes.set(xlabel="epoch", ylabel=unit)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(series) > 1:
        axes.legend()
    return made


@styled
def draw_roc(curves: Mapping[str, Curve]) -> Figure:
    """ROC curves by label, best area first."""
    made, axes = plot("ROC curves", height=3.9)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1)
    _curves(axes, curves)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    _legend(axes, curves, "lower right")
    return made


@styled
def draw_precision_recall(curves: Mapping[str, Curve]) -> Figure:
    made, axes = plot("precision over recall", height=3.9)
    _curves(axes, curves)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    _legend(axes, curves, "lower left")
    return made


@styled
def draw_reliability(bins: Bins, x: str, y: str) -> Figure:
    """The bins, with names of the axes."""
    made, axes = plot(f"{y} over {x}", height=3.9)
    low = min(bins.confidence.min(), bins.right.min(), 0.9)
    axes.plot([low, 1], [low, 1], color=PALE, linewidth=1)
    axes.vlines(bins.confidence, bins.right, bins.confidence, color=COLOURS[1], linewidth=2.4, alpha=0.5)
    axes.plot(bins.confidence, bins.right, color=COLOURS[0], marker="o", markersize=4)
    axes.set(xlabel=x, ylabel=y, xlim=(low - 0.02, 1.02), ylim=(low - 0.02, 1.02))
    return made


@styled
def draw_coverage(curve: Curve) -> Figure:
    made, axes = plot("accuracy over coverage", height=3.9)
    axes.plot(curve.x, curve.y, color=COLOURS[0], marker="o", markersize=4, clip_on=False)
    low = min(curve.y.min(), curve.y[-1] - 0.05)
    axes.set(xlabel="share of clips answered", ylabel="accuracy of these", xlim=(0, 1), ylim=(low - 0.01, 1.01))
    return made


@styled
def draw_averaging(metric: str, curve: Mapping[int, float]) -> Figure:
    made, axes = plot(f"{metric} over the number of windows averaged")
    counts = list(curve)
    axes.plot(counts, list(curve.values()), color=COLOURS[0], marker="o", markersize=4)
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [*map(str, counts[:-1]), "all"])
    axes.minorticks_off()
    axes.set(xlabel="windows averaged", ylabel=metric)
    return made


@styled
def draw_scatter(answers: Numbers, targets: Numbers, unit: str) -> Figure:
    """Predicted over true values; of very many clips, some evenly spread over the true values."""
    chosen = np.argsort(targets)[spread(len(targets), _MOST_POINTS)]
    made, axes = plot("predicted over true values", height=3.9)
    low, high = (float(f(np.concatenate([answers, targets]))) for f in (np.min, np.max))
    axes.plot([low, high], [low, high], color=INK, linewidth=0.8)
    axes.plot(targets[chosen], answers[chosen], "o", color=COLOURS[0], markersize=4, alpha=0.5, markeredgewidth=0)
    axes.set(xlabel=f"true{unit}", ylabel=f"predicted{unit}")
    axes.set_aspect("equal", adjustable="box")
    return made


@styled
def draw_errors(errors: Numbers, unit: str) -> Figure:
    made, axes = plot("histogram of errors", height=3.9)
    axes.hist(errors, bins=min(41, max(5, int(np.sqrt(len(errors))))), color=COLOURS[0], alpha=0.8)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(xlabel=f"predicted minus true{unit}", ylabel="clips")
    axes.grid(visible=False, axis="x")
    return made


def _column(rows: Sequence[Mapping[str, Any]], key: str) -> Numbers:
    part, _, inner = key.rpartition(".")
    values = [(row.get(part, {}) if part else row).get(inner) for row in rows]
    return np.array([value for value in values if value is not None], np.float64)


def _curves(axes: Axes, curves: Mapping[str, Curve]) -> None:
    """Each in a colour of its own; of more than there are colours, the first few and grey for the others."""
    for place, (label, curve) in enumerate(curves.items()):
        shown = _apart(curve)
        if place < len(COLOURS) - 1 or len(curves) == len(COLOURS):
            axes.plot(curve.x[shown], curve.y[shown], color=COLOURS[place], label=label, zorder=3)
        else:
            axes.plot(curve.x[shown], curve.y[shown], color=COLOURS[-1], linewidth=0.6, alpha=0.6)


def _apart(curve: Curve) -> NDArray[np.bool_]:
    """Which points of a curve over the unit square can be told from the one before; there may be very many others."""
    cells = np.round(np.stack([curve.x, curve.y]) * _GRID)
    moves = np.append(True, np.any(np.diff(cells) != 0, axis=0))
    moves[-1] = True
    return moves


def _legend(axes: Axes, curves: Mapping[str, Curve], where: Literal["lower left", "lower right"]) -> None:
    if len(curves) > 1:
        axes.legend(loc=where, fontsize=8)
