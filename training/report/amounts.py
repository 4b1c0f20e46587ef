"""The section about quantities and shares: predicted against true values, and errors."""

import numpy as np

from audiocnn.plots.figure import to_svg
from audiocnn.plots.quality import draw_errors, draw_scatter
from training.report.document import Figure, Section, number
from training.report.pool import Pool

_MOST = 12


def amounts_section(prefix: str, pool: Pool) -> Section | None:
    """Two figures for each quantity; one for each share. None for tasks without them."""
    if pool.task.kind != "regression" and not pool.has_shares:
        return None
    figures = []
    for i, label in enumerate(pool.task.labels[:_MOST]):
        answers, targets = pool.scores[:, i], pool.targets[:, i]
        unit = f" in {pool.task.quantities[i].unit}" if pool.task.quantities and pool.task.quantities[i].unit else ""
        title = f"{label}: predicted and true"
        figures.append(Figure(title, to_svg(draw_scatter(answers, targets, unit), f"{prefix}scatter-{i}")))
        if pool.task.kind == "regression":
            errors = answers - targets
            median = number(float(np.median(np.abs(errors))))
            caption = f"Half of the errors are below {median}{unit.replace(' in ', ' ')}."
            svg = to_svg(draw_errors(errors, unit), f"{prefix}errors-{i}")
            figures.append(Figure(f"{label}: errors", svg, caption))
    text = f"The first {_MOST} of {len(pool.task.labels)}." if len(pool.task.labels) > _MOST else ""
    return Section(f"{prefix}amounts", "Predicted and true", text, figures)
