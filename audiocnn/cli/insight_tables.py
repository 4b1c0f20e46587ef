"""A model's report for people, as tables on a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from audiocnn.cli.table import clock, printable

if TYPE_CHECKING:
    from audiocnn.insight.layers import LayerTable
    from audiocnn.insight.report import Report
    from audiocnn.insight.view import FileView

_SHADES = " .:-=+*#%@"
_CURVE_WIDTH = 40


def print_report(console: Console, report: "Report") -> None:
    """The layer table, a line about the filters and, if there is a file, what the model made of it."""
    subject = report.subject
    weights = "trained" if subject.trained else "random weights, not trained"
    rate = f" at {subject.rate_hz} Hz" if subject.rate_hz else ""
    console.print(Text(f"{subject.name}: {subject.architecture}, {weights}; input {_by(subject.shape)}{rate}"))
    for name, task in subject.spec.tasks.items() if subject.spec else ():
        console.print(Text(f"{name or 'labels'}: {task.summary}"))
    console.print(_layers(report.table))
    if report.filters is not None:
        console.print(Text(_filters(report)))
    if report.view is not None:
        console.print(_classes(report.view))
        for warning in report.view.warnings:
            console.print(Text(printable(warning), "yellow"))


def _layers(table: "LayerTable") -> Table:
    made = Table(box=SIMPLE_HEAD, show_footer=True, pad_edge=False)
    made.add_column("layer", "total", overflow="fold")
    made.add_column("kind")
    for title, total in (
        ("output", ""),
        ("weights", f"{table.parameters:,}"),
        ("multiply-adds", f"{table.multiply_adds:,}"),
        ("sees", ""),
        ("step", ""),
    ):
        made.add_column(title, total, justify="right")
    if table.rate_hz:
        made.add_column("sees, ms", justify="right")
    for layer in table.layers:
        fields = layer.receptive_field or ()
        cells = [
            layer.name,
            f"{layer.kind} {layer.sizes}".rstrip(),
            _by(layer.output_shape),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.multiply_adds:,}" if layer.multiply_adds else "",
            _by([field for field, _ in fields]),
            _by([step for _, step in fields]),
        ]
        if table.rate_hz:
            field_ms = table.field_ms(layer)
            cells.append("" if field_ms is None else f"{field_ms[0]:,.2f}")
        made.add_row(*map(Text, cells))
    return made


def _filters(report: "Report") -> str:
    filters, responses = report.filters, report.responses
    if filters is None:
        return ""
    count, _, *kernel = filters.weights.shape
    text = f"{filters.layer}: {count} filters of {_by(kernel)}"
    if responses is not None:
        lowest, highest = responses.centres_hz.min(), responses.centres_hz.max()
        text += f" samples, centre frequencies from {lowest:.0f} to {highest:.0f} Hz, "
        text += f"{responses.outside.mean():.1%} of what they let through is from outside their bands"
    return text


def _classes(view: "FileView") -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    made.add_column("label", overflow="fold")
    made.add_column("score", justify="right")
    if view.duration_s is not None:
        made.add_column("most active at", justify="right")
        made.add_column(f"activation at {view.layer} over time", no_wrap=True)
    curves = view.curves()
    highest = np.nanmax(curves, initial=1e-9)
    for label in view.ranked():
        cells = [printable(view.labels[label]), "" if view.scores is None else f"{view.scores[label]:.3f}"]
        if view.duration_s is not None:
            strongest_s = view.strongest_s(label)
            cells += ["" if strongest_s is None else clock(strongest_s), _shaded(curves[label], highest)]
        made.add_row(*map(Text, cells))
    return made


def _shaded(curve: NDArray[np.floating], highest: float) -> str:
    """A curve as characters, the darker the higher; what is below 0 or silent is blank."""
    columns = np.array_split(curve, min(_CURVE_WIDTH, len(curve)))
    levels = [np.nan_to_num(column).mean().clip(0) / highest for column in columns]
    return "".join(_SHADES[min(int(level * len(_SHADES)), len(_SHADES) - 1)] for level in levels)


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(f"{size:,}" for size in sizes)
