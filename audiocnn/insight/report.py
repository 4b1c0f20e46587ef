"""Everything there is to see of a model, in one record: what `audiocnn inspect` prints, writes and draws."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiocnn.errors import MissingExtraError
from audiocnn.insight.envelope import envelope
from audiocnn.insight.file import view_file
from audiocnn.insight.filters import Filters, FrequencyResponses, first_filters, frequency_responses
from audiocnn.insight.layers import LayerTable
from audiocnn.insight.subject import Subject, load_subject
from audiocnn.insight.view import FileView
from audiocnn.source import Source


@dataclass(frozen=True, slots=True)
class Report:
    """filters: of the first layer, None if it has none. responses: of filters on sound. view: of a file, if one was
    given, and `source` that file."""

    subject: Subject
    table: LayerTable
    filters: Filters | None
    responses: FrequencyResponses | None
    view: FileView | None
    source: Source | None

    def to_json(self) -> dict[str, Any]:
        subject = self.subject
        return {
            "model": {
                "name": subject.name,
                "version": None if subject.spec is None else subject.spec.version,
                "architecture": subject.architecture,
                "trained": subject.trained,
            },
            "input": {"shape": list(subject.shape), "rate_hz": subject.rate_hz},
            **self.table.to_json(),
            "filters": self.filters and {
                **self.filters.to_json(),
                "responses": self.responses and self.responses.to_json(),
            },
            "file": self.view and self.view.to_json(),
        }  # fmt: skip

    def draw(self, folder: Path) -> list[Path]:
        """Write the plots into `folder`, which exists, and give their paths.

        Raises `MissingExtraError` without matplotlib.
        """
        try:
            from audiocnn.insight import file_plots, plots
        except ImportError as error:
            raise MissingExtraError("plots need matplotlib: pip install 'audiocnn[plots]'") from error
        drawn: list[Path] = []

        def path(name: str) -> Path:
            drawn.append(folder / f"{name}.png")
            return drawn[-1]

        if self.filters is not None and self.responses is not None:
            plots.draw_waves(self.filters, self.responses, path("filters"))
            plots.draw_frequencies(self.filters, self.responses, path("frequencies"))
        elif self.filters is not None:
            plots.draw_tiles(self.filters, path("filters"))
        if self.view is not None and self.source is not None:
            if self.view.duration_s is not None:
                outline = envelope(self.source) if self.view.pictures is None else None
                file_plots.draw_timeline(self.view, path("when"), outline)
            if self.view.pictures is not None:
                file_plots.draw_heat(self.view, self.view.pictures, path("where"))
            if self.view.features:
                orders = {}
                if self.filters is not None and self.responses is not None:
                    orders[self.filters.layer] = self.responses.order
                file_plots.draw_features(self.view, path("features"), orders)
        return drawn


def inspect_model(
    model: str | Path,
    *,
    shape: Sequence[int] = (),
    num_outputs: int | None = None,
    source: Source | None = None,
    layers: Sequence[str] = (),
    hop_s: float | None = None,
) -> Report:
    """Look at a model, and at what it makes of a file if `source` is given.

    The other arguments are those of `load_subject` and `view_file`; this raises what they raise.
    """
    subject = load_subject(model, shape, num_outputs)
    table = subject.table()
    filters = first_filters(subject)
    responses = None
    if filters is not None and len(subject.shape) == 2 and subject.rate_hz is not None:
        responses = frequency_responses(filters.weights, subject.rate_hz)
    view = None
    if source is not None:
        own = subject if subject.spec is None else dataclasses.replace(subject, shape=subject.spec.input.shape)
        view = view_file(own, source, layers, hop_s=hop_s)
    return Report(subject, table, filters, responses, view, source)
