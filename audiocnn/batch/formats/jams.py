"""JAMS, the annotation format of music research: a JSON file for each recording, read by `jams.load`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audiocnn import __version__
from audiocnn.batch.complete_folder import NewFiles, complete_folder, mirrored
from audiocnn.batch.formats.selection import Selection, in_words
from audiocnn.batch.result import FileResult, duration_s
from audiocnn.prediction import Answers, Prediction, Result

_JAMS_VERSION = "0.3.4"


class JamsWriter:
    """Two annotations of the namespace `tag_open`: the answer for the whole file, then that for each window.

    The confidence of a tag is its score; an estimate is a tag in words with a confidence of 1. The sandbox holds the
    row that JSON Lines would have, without windows. A file that failed has no JAMS.
    """

    def __init__(self, files: NewFiles, selection: Selection) -> None:
        self._files = files
        self._selection = selection

    def write(self, file: FileResult) -> None:
        if isinstance(file.outcome, Result):
            path = self._files.create(mirrored(file.path, ".jams"))
            path.write_text(json.dumps(self._jams(file, file.outcome), allow_nan=False), encoding="ascii")

    def _jams(self, file: FileResult, result: Result) -> dict[str, Any]:
        row = file.to_json(top_k=self._selection.top_k, threshold=self._selection.threshold)
        length_s = duration_s(row) or 0.0
        whole = self._tags(0.0, length_s, result.predictions)
        windows = [
            tag
            for window in self._selection.windows(result)
            for tag in self._tags(window.segment.start_s, window.segment.end_s, window.predictions)
        ]
        metadata = {
            "curator": {"name": "", "email": ""},
            "annotator": row["model"],
            "version": result.model.version,
            "corpus": "",
            "annotation_tools": f"audiocnn {__version__}",
            "annotation_rules": "",
            "validation": "",
            "data_source": "program",
        }
        return {
            "file_metadata": {
                "title": Path(file.path).stem,
                "artist": "",
                "release": "",
                "duration": length_s,
                "identifiers": {"path": file.path},
                "jams_version": _JAMS_VERSION,
            },
            "annotations": [
                {
                    "namespace": "tag_open",
                    "annotation_metadata": metadata,
                    "data": data,
                    "sandbox": {"of": of},
                    "time": 0.0,
                    "duration": length_s,
                }
                for of, data in (("file", whole), ("windows", windows))
            ],
            "sandbox": {"audiocnn": row},
        }

    def _tags(self, start_s: float, end_s: float, answers: Answers) -> list[dict[str, Any]]:
        span = {"time": round(start_s, 6), "duration": round(end_s - start_s, 6)}
        scored = [answer for answer in answers if isinstance(answer, Prediction)]
        if not scored:
            return [{**span, "value": in_words(answer), "confidence": 1.0} for answer in answers]
        kept = [answer for answer in scored if answer.score >= self._selection.threshold][: self._selection.top_k]
        return [{**span, "value": answer.label, "confidence": round(answer.score, 6)} for answer in kept]


@contextmanager
def open_jams(path: Path, selection: Selection) -> Iterator[JamsWriter]:
    with complete_folder(path) as files:
        yield JamsWriter(files, selection)
