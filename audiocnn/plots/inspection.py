"""The pictures of a look at a model: those that `audiocnn inspect` writes and a training report shows."""

from matplotlib.figure import Figure

from audiocnn.insight.envelope import envelope
from audiocnn.insight.report import Report
from audiocnn.plots.file import draw_features, draw_heat, draw_timeline
from audiocnn.plots.filters import draw_frequencies, draw_tiles, draw_waves
from audiocnn.plots.silence import draw_silence


def draw_report(report: Report) -> dict[str, Figure]:
    """What there is to draw, by name: `filters`, `frequencies`, `when`, `where`, `features`, `silence`."""
    drawn: dict[str, Figure] = {}
    filters, responses, view = report.filters, report.responses, report.view
    if filters is not None and responses is not None:
        drawn["filters"] = draw_waves(filters, responses)
        drawn["frequencies"] = draw_frequencies(filters, responses)
    elif filters is not None:
        drawn["filters"] = draw_tiles(filters)
    if view is None or report.source is None:
        return drawn
    outline = envelope(report.source) if report.silence is not None else None
    if view.duration_s is not None:
        drawn["when"] = draw_timeline(view, outline)
    if view.pictures is not None:
        drawn["where"] = draw_heat(view, view.pictures)
    if view.features:
        orders = {} if filters is None or responses is None else {filters.layer: responses.order}
        drawn["features"] = draw_features(view, orders)
    if report.silence is not None and outline is not None:
        drawn["silence"] = draw_silence(report.silence, outline)
    return drawn
