"""The sections that every task has: its metrics, with intervals and beside baselines, and what averaging brings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audiocnn.plots.figure import to_svg
from audiocnn.plots.quality import draw_averaging
from audiocnn.spec import TaskSpec
from training.report.averaging import over_windows, window_metrics
from training.report.baselines import Baseline
from training.report.bootstrap import interval
from training.report.document import Cell, Figure, Section, Table, Tile, count, is_falling, metric_name, number
from training.report.headline import metrics_of
from training.report.pool import Pool

Merge = Mapping[str, Sequence[str]]
_FEW = 10
"""Groups; intervals from fewer are not worth much."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric over all runs. mean, deviation: over the runs that have it. interval: of all clips together."""

    name: str
    by_run: Sequence[float]
    interval: tuple[float, float] | None

    @property
    def mean(self) -> float:
        return float(np.mean(self._finite)) if self._finite else float("nan")

    @property
    def deviation(self) -> float:
        return float(np.std(self._finite)) if self._finite else float("nan")

    @property
    def text(self) -> str:
        """With its deviation where there are several runs."""
        return number(self.mean) + (f" ± {number(self.deviation)}" if len(self.by_run) > 1 else "")

    @property
    def range_text(self) -> str:
        return number(None) if self.interval is None else f"{number(self.interval[0])} to {number(self.interval[1])}"

    @property
    def _finite(self) -> list[float]:
        return [value for value in self.by_run if np.isfinite(value)]


def measured(pool: Pool, runs: Sequence[Pool], merge: Merge) -> list[Measured]:
    """The metrics of the pools of single runs, with intervals from the pool of all, the most telling first."""
    by_run = [_once(run, merge) for run in runs]
    metrics = metrics_of(pool.scores, pool.targets, pool.task, merge)
    return [
        Measured(name, [values.get(name, np.nan) for values in by_run], interval(metric, pool.groups))
        for name, metric in metrics.items()
    ]


def _once(pool: Pool, merge: Merge) -> dict[str, float]:
    """The metrics of whole clips, each once."""
    metrics = metrics_of(pool.scores, pool.targets, pool.task, merge)
    return {name: float(metric(np.ones((1, len(pool.clips))))[0]) for name, metric in metrics.items()}


def tiles(metrics: Sequence[Measured]) -> list[Tile]:
    """The most telling of the metrics."""
    return [
        Tile(metric_name(m.name), m.text, "" if m.interval is None else f"95 %: {m.range_text}")
        for m in metrics[:4]
        if np.isfinite(m.mean)
    ]


def quality_section(
    prefix: str, pool: Pool, metrics: Sequence[Measured], merge: Merge, baselines: Sequence[Baseline]
) -> Section:
    """Each metric for whole clips, for single windows, and what baselines reach."""
    alone = window_metrics(pool, merge)
    columns = ["", "#whole clips", "#95 % interval", *(["#single windows"] if alone else [])]
    rows = []
    for m in metrics:
        arrow = "↓" if is_falling(m.name) else "↑"
        row = [Cell(f"{metric_name(m.name)} {arrow}"), Cell(m.text), Cell(m.range_text)]
        row += [Cell(number(alone.get(m.name)))] if alone else []
        rows.append([*row, *(Cell(baseline.text(m.name)) for baseline in baselines)])
    groups = len(set(pool.groups))
    runs = len(metrics[0].by_run)
    kind = "groups" if groups < pool.num_clips else "clips"
    text = f"{count(pool.num_clips, 'clip')} tested"
    text += f"; mean ± deviation over {count(runs, 'run')}" if runs > 1 else ""
    text += f"; intervals by drawing the {groups} {kind} again and again with replacement" if groups > 1 else ""
    text += ", rough ones, for these are few." if 1 < groups < _FEW else "."
    if silent := int((pool.windows == 0).sum()):
        text += f" {count(silent, 'answer')} about nothing but silence."
    text += _tolerances(pool.task)
    table = Table([*columns, *(f"#{baseline.name}" for baseline in baselines)], rows)
    return Section(f"{prefix}quality", "Quality", text, [table])


def _way(task: TaskSpec, metric: str) -> str:
    """How windows become one answer to what `metric` is about."""
    label = metric.partition(" ")[2] or task.labels[0]
    if task.kind == "regression" and task.quantities[task.labels.index(label)].bins:
        return "the peak of the mean scores of"
    return "the mean over"


def _tolerances(task: TaskSpec) -> str:
    """What the accuracies of quantities count; nothing for a task without any."""
    found = dict.fromkeys(f"{100 * quantity.tolerance:g} %" for quantity in task.quantities if quantity.tolerance)
    if not found:
        return ""
    return (
        f" Accuracy 1 counts the answers within {' or '.join(found)} of the true value, accuracy 2 also those as near "
        "to twice, three times, half or a third of it."
    )


def averaging_section(prefix: str, pool: Pool, metrics: Sequence[Measured]) -> Section | None:
    """The first metric over the number of windows averaged; None where no clip has two windows."""
    name = metrics[0].name
    curve = over_windows(pool, name)
    if len(curve) < 2:
        return None
    first, *_, last = curve.values()
    word, typical = metric_name(name), float(np.median(pool.windows))
    change = "no better" if last == first else "better" if (last < first) == is_falling(name) else "worse"
    by = "" if last == first else f" by {number(abs(last - first))}"
    text = (
        f"A clip's answer is {_way(pool.task, name)} its windows, {typical:g} of them for a typical clip. One window "
        f"of each clip reaches {word} {number(first)}, all of them {number(last)}: averaging is {change}{by}."
    )
    svg = to_svg(draw_averaging(word, curve), f"{prefix}averaging")
    figure = Figure(f"{word[0].upper()}{word[1:]} over windows averaged", svg)
    return Section(f"{prefix}averaging", "Windows and clips", text, [figure])
