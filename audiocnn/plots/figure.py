"""How every picture begins and ends. They need matplotlib, the extra `plots`; no window is ever opened."""

import io
import re
from collections.abc import Callable
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, ParamSpec

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, GREY, PALE = "#262626", "#999999", "#dddddd"
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d3b", "#7f7f7f"]
"""Okabe and Ito's, which colour-blind people can tell apart."""

_VARIABLES = {INK: "currentColor", GREY: "var(--soft)", PALE: "var(--line)"}
_VARIABLES |= {colour: f"var(--series-{i})" for i, colour in enumerate(COLOURS)}
_DPI = 110
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "audiocnn",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "figure.titlesize": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.prop_cycle": f"cycler('color', {COLOURS})",
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}
_P = ParamSpec("_P")


def styled(draw: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """A function that draws, in the one style."""

    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> Figure:
        with rc_context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


def figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of so many inches."""
    made = Figure(figsize=(width, height), dpi=_DPI, layout="constrained", label=title)
    made.suptitle(title)
    return made


def plot(description: str, height: float = 3.4) -> tuple[Figure, Axes]:
    """A figure of one pair of axes with a grid, that stands under a title of its page.

    description: for those who cannot see it.
    """
    made = Figure(figsize=(4.6, height), dpi=_DPI, layout="constrained", label=description)
    axes: Axes = made.subplots()
    axes.grid()
    return made, axes


def write_png(made: Figure, path: Path) -> None:
    """On white."""
    with rc_context(_STYLE):  # some of it is looked up only now
        made.savefig(path, format="png", facecolor="white")


def to_svg(made: Figure, name: str) -> str:
    """An element of a page, in the page's colours, in light and in dark. name: unique in the page."""
    buffer = io.StringIO()
    with rc_context(_STYLE):
        made.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return inline(buffer.getvalue(), name, str(made.get_label()))


def inline(svg: str, name: str, description: str) -> str:
    """A whole SVG file as an element of a page: its ids made unique by `name`, its colours those of the page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r' d="[^"]+"', lambda path: re.sub(r"(\.\d)\d+", r"\1", path[0]), body)  # a tenth of a point is seen
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="([^"]+)"', body)
    head = f'<svg role="img" aria-label="{escape(description)}" viewBox="{view[1] if view else ""}">'
    return head + body[body.index(">") + 1 :].rstrip()
