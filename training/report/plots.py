"""The figures of a report, each from plain numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from training.metrics import Scores
from training.report.curves import Bins, Curve
from training.report.figures import COLOURS, FAINT, INK, Drawing

_MOST_POINTS = 1000
"""In a cloud: more would make the page large and look the same."""
_GRID = 200
"""Steps along each axis that can be told apart in a curve."""


def draw_learning(
    name: str, histories: Sequence[Sequence[Mapping[str, Any]]], series: Mapping[str, str], unit: str, log: bool = False
) -> str:
    """Lines over epochs, thin for each run and thick for their mean.

    series: for each line its key in the rows of a history, `validation.KEY` for one of the validation, and its name.
    """
    drawing = Drawing(name, f"{', '.join(series.values())} over epochs")
    with drawing as axes:
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
    return drawing.svg


def draw_roc(name: str, curves: Mapping[str, Curve]) -> str:
    """ROC curves by label, best area first."""
    drawing = Drawing(name, "ROC curves", height=3.9)
    with drawing as axes:
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
        _curves(axes, curves)
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        _legend(axes, curves, "lower right")
    return drawing.svg


def draw_precision_recall(name: str, curves: Mapping[str, Curve]) -> str:
    drawing = Drawing(name, "precision over recall", height=3.9)
    with drawing as axes:
        _curves(axes, curves)
        axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        _legend(axes, curves, "lower left")
    return drawing.svg


def draw_reliability(name: str, bins: Bins, x: str, y: str) -> str:
    """The bins, with names of the axes."""
    drawing = Drawing(name, f"{y} over {x}", height=3.9)
    low = min(bins.confidence.min(), bins.right.min(), 0.9)
    with drawing as axes:
        axes.plot([low, 1], [low, 1], color=FAINT, linewidth=1)
        axes.vlines(bins.confidence, bins.right, bins.confidence, color=COLOURS[1], linewidth=2.4, alpha=0.5)
        axes.plot(bins.confidence, bins.right, color=COLOURS[0], marker="o", markersize=4)
        axes.set(xlabel=x, ylabel=y, xlim=(low - 0.02, 1.02), ylim=(low - 0.02, 1.02))
    return drawing.svg


def draw_coverage(name: str, curve: Curve) -> str:
    drawing = Drawing(name, "accuracy over coverage", height=3.9)
    with drawing as axes:
        axes.plot(curve.x, curve.y, color=COLOURS[0], marker="o", markersize=4, clip_on=False)
        low = min(curve.y.min(), curve.y[-1] - 0.05)
        axes.set(xlabel="share of clips answered", ylabel="accuracy of these", xlim=(0, 1), ylim=(low - 0.01, 1.01))
    return drawing.svg


def draw_averaging(name: str, metric: str, curve: Mapping[int, float]) -> str:
    drawing = Drawing(name, f"{metric} over the number of windows averaged")
    counts = list(curve)
    with drawing as axes:
        axes.plot(counts, list(curve.values()), color=COLOURS[0], marker="o", markersize=4)
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [*map(str, counts[:-1]), "all"])
        axes.minorticks_off()
        axes.set(xlabel="windows averaged", ylabel=metric)
    return drawing.svg


def draw_scatter(name: str, answers: Scores, targets: Scores, unit: str) -> str:
    """Predicted over true values; of very many clips, some evenly spread over the true values."""
    chosen = np.argsort(targets)[_spread(len(targets), _MOST_POINTS)]
    drawing = Drawing(name, "predicted over true values", height=3.9)
    low, high = (float(f(np.concatenate([answers, targets]))) for f in (np.min, np.max))
    with drawing as axes:
        axes.plot([low, high], [low, high], color=INK, linewidth=0.8)
        axes.plot(targets[chosen], answers[chosen], "o", color=COLOURS[0], markersize=4, alpha=0.5, markeredgewidth=0)
        axes.set(xlabel=f"true{unit}", ylabel=f"predicted{unit}")
        axes.set_aspect("equal", adjustable="box")
    return drawing.svg


def draw_errors(name: str, errors: Scores, unit: str) -> str:
    drawing = Drawing(name, "histogram of errors", height=3.9)
    with drawing as axes:
        axes.hist(errors, bins=min(41, max(5, int(np.sqrt(len(errors))))), color=COLOURS[0], alpha=0.8)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set(xlabel=f"predicted minus true{unit}", ylabel="clips")
        axes.grid(visible=False, axis="x")
    return drawing.svg


def _column(rows: Sequence[Mapping[str, Any]], key: str) -> Scores:
    part, _, inner = key.rpartition(".")
    values = [(row.get(part, {}) if part else row).get(inner) for row in rows]
    return np.array([value for value in values if value is not None], np.float64)


def _curves(axes: Any, curves: Mapping[str, Curve]) -> None:
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


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` indices below `count`, evenly spread, with the first and the last."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def _legend(axes: Any, curves: Mapping[str, Curve], where: str) -> None:
    if len(curves) > 1:
        axes.legend(loc=where, fontsize=8)
