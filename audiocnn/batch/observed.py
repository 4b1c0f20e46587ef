"""One file classified, with what it was at that time: what local threads and the workers of a cluster do alike."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from audiocnn.batch.identity import identity
from audiocnn.batch.result import FileError, FileResult
from audiocnn.errors import UnreadableFileError
from audiocnn.prediction import Result

_CHANGED = "the file changed while it was read"


@dataclass(frozen=True, slots=True)
class Observed:
    """identity: of the file that was classified; None if it could not be opened, which says nothing about it."""

    file: FileResult
    identity: str | None


def observe(path: str, classify: Callable[[str], FileResult]) -> Observed:
    """Classify the file. Raises what `classify` raises."""
    before = identity(path)
    file = classify(path)
    if isinstance(file.outcome, Result) and identity(path) != before:
        warned = dataclasses.replace(file.outcome, warnings=(*file.outcome.warnings, _CHANGED))
        file = dataclasses.replace(file, outcome=warned)
    if isinstance(file.outcome, FileError) and file.outcome.code == UnreadableFileError.code:
        before = None
    return Observed(file, before)
