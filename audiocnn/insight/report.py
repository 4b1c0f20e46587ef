"""Everything there is to see of a model, in one record: what `audiocnn inspect` prints, writes and draws."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiocnn.inference.silence import SilenceDetector
from audiocnn.insight.file import view_file
from audiocnn.insight.filters import Filters, FrequencyResponses, first_filters, frequency_responses
from audiocnn.insight.layers import LayerTable
from audiocnn.insight.silence import SilenceCurve, silence_curve
from audiocnn.insight.subject import Subject, load_subject
from audiocnn.insight.view import FileView
from audiocnn.source import Source
from audiocnn.spec import AudioSpec

_COLUMNS = 3000
"""Values of the silence detector that are written of a file, however long that is."""


@dataclass(frozen=True, slots=True)
class Report:
    """filters: of the first layer, None if it has none. responses: of filters on sound. view: of a file, if one was
    given, and `source` that file. silence: of that file, if it is a sound."""

    subject: Subject
    table: LayerTable
    filters: Filters | None
    responses: FrequencyResponses | None
    view: FileView | None
    source: Source | None
    silence: SilenceCurve | None

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
            "silence": self.silence and self.silence.shortened(_COLUMNS).to_json(),
        }  # fmt: skip


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
    view = silence = None
    if source is not None:
        own = subject if subject.spec is None else dataclasses.replace(subject, shape=subject.spec.input.shape)
        view = view_file(own, source, layers, hop_s=hop_s)
        if isinstance(subject.spec and subject.spec.input, AudioSpec):
            silence = silence_curve(source, SilenceDetector.load())
    return Report(subject, table, filters, responses, view, source, silence)
