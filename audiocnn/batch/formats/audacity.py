"""Label tracks for Audacity (File > Import > Labels): a text file for each recording, with a line for each window."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audiocnn.batch.complete_folder import NewFiles, complete_folder, mirrored
from audiocnn.batch.formats.selection import Selection, in_words
from audiocnn.batch.result import FileResult
from audiocnn.prediction import Result


class AudacityWriter:
    """Three columns between tabs, start and end in seconds and the text of the label, which has the score at its end.

    A silent window has no line, and neither has one whose labels are all below the threshold; a file that failed has
    no label track.
    """

    def __init__(self, files: NewFiles, selection: Selection) -> None:
        self._files = files
        self._selection = selection

    def write(self, file: FileResult) -> None:
        if not isinstance(file.outcome, Result):
            return
        lines = []
        for window in self._selection.windows(file.outcome):
            span = f"{window.segment.start_s:.6f}\t{window.segment.end_s:.6f}"
            lines += [f"{span}\t{in_words(answer)}\n" for answer in self._selection.leading(window.predictions)]
        track = self._files.create(mirrored(file.path, ".txt"))
        track.write_text("".join(lines), encoding="utf-8", newline="\n")


@contextmanager
def open_audacity(path: Path, selection: Selection) -> Iterator[AudacityWriter]:
    with complete_folder(path) as files:
        yield AudacityWriter(files, selection)
