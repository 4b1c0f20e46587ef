"""The section that looks into the trained model: the pictures of `audiocnn inspect`, of the model and of one clip."""

from pathlib import Path

from audiocnn.errors import MediaError
from audiocnn.insight.report import Report, inspect_model
from audiocnn.plots.figure import to_svg
from audiocnn.plots.inspection import draw_report
from training.loop import MODEL
from training.report.document import Figure, Section
from training.report.load import Run

_TITLES = {
    "filters": "First filters",
    "frequencies": "Their frequencies",
    "when": "When each label was heard or seen",
    "where": "Where each label was seen",
    "features": "Feature maps",
    "silence": "The silence detector",
}


def inside_section(run: Run, data: Path | None) -> Section | None:
    """What the model of `run` has learned, and what it makes of the first tested clip whose file is in `data`.

    None for a model without anything to draw.
    """
    clip = (
        next((clip for clip in run.answered.clips if (data / clip).is_file()), None) if data and run.answered else None
    )
    report, clip = _inspected(run.folder / MODEL, data, clip)
    figures = [
        Figure(_TITLES[name], to_svg(figure, f"inside-{name}"), wide=True)
        for name, figure in draw_report(report).items()
    ]
    text = "What audiocnn inspect draws of the model" + (f" and of {clip}." if clip else ".")
    return Section("inside", "Inside the model", text, figures) if figures else None


def _inspected(model: Path, data: Path | None, clip: str | None) -> tuple[Report, str | None]:
    """The report, without the clip if that cannot be read."""
    if data is not None and clip is not None:
        try:
            return inspect_model(model, source=data / clip), clip
        except MediaError:
            pass
    return inspect_model(model), None
