"""Figures as pieces of SVG that take the page's colours, in light and in dark. They need matplotlib, extra `plots`."""

import io
import re
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, FAINT = "#010203", "#040506"
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d3b", "#7f7f7f"]
"""Okabe and Ito's, which colour-blind people can tell apart; the page has a lighter set for the dark."""

_VARIABLES = {INK: "currentColor", FAINT: "var(--line)"} | {c: f"var(--series-{i})" for i, c in enumerate(COLOURS)}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "audiocnn",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "text.parse_math": False,
}


class Drawing:
    """A figure of one plot: `with Drawing(...) as axes: ...`, then `svg`."""

    def __init__(self, name: str, description: str, width: float = 4.6, height: float = 3.4) -> None:
        self._name, self._description, self._size = name, description, (width, height)
        self.svg = ""

    def __enter__(self) -> Axes:
        self._style = rc_context(_STYLE)
        self._style.__enter__()
        self._figure = Figure(figsize=self._size, layout="constrained")
        axes: Axes = self._figure.subplots()
        return axes

    def __exit__(self, *error: object) -> None:
        buffer = io.StringIO()
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        try:
            if error[0] is None:
                self._figure.savefig(buffer, format="svg", metadata=metadata)
                self.svg = inline(buffer.getvalue(), self._name, self._description)
        finally:
            self._style.__exit__(None, None, None)


def inline(svg: str, name: str, description: str) -> str:
    """A whole SVG file as an element of a page: its ids made unique by `name`, its colours those of the page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="([^"]+)"', body)
    head = f'<svg role="img" aria-label="{escape(description)}" viewBox="{view[1] if view else ""}">'
    return head + body[body.index(">") + 1 :].rstrip()
