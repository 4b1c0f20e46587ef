"""One file classified, with what it was at that time: what local threads and the workers of a cluster do alike."""

import dataclasses
from dataclasses import dataclass

from audiocnn.batch.identity import identity
from audiocnn.batch.one_file import FileClassifier
from audiocnn.batch.record import Records
from audiocnn.batch.result import FileError, FileResult
from audiocnn.errors import UnreadableFileError
from audiocnn.prediction import Result

_CHANGED = "the file changed while it was read"


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of a file, for the journal and for those who watch.

    identity: of the file that was classified; None if it could not be opened, which says nothing about it.
    record: the whole result, packed. error: if it failed. duration_s: of its sound or video, 0 for what has no time.
    """

    path: str
    identity: str | None
    record: bytes
    error: FileError | None
    duration_s: float

    @classmethod
    def of(cls, file: FileResult, identity: str | None, records: Records) -> "Observed":
        error = file.outcome if isinstance(file.outcome, FileError) else None
        return cls(file.path, identity, records.pack(file), error, file.duration_s)


def observe(path: str, classify: FileClassifier, records: Records) -> Observed:
    """Classify the file; records: those of `classify`. Raises what `classify` raises."""
    before = identity(path)
    file = classify(path)
    if isinstance(file.outcome, Result) and identity(path) != before:
        warned = dataclasses.replace(file.outcome, warnings=(*file.outcome.warnings, _CHANGED))
        file = dataclasses.replace(file, outcome=warned)
    if isinstance(file.outcome, FileError) and file.outcome.code == UnreadableFileError.code:
        before = None
    return Observed.of(file, before, records)
