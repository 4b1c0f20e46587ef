"""Genres in the tags of all the files of a batch."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import FileResult, TagStatus
from audiocnn.batch.tags.write import write_genres
from audiocnn.errors import ConfigError
from audiocnn.prediction import Result
from audiocnn.spec import MAIN, ModelSpec

_WORDS: dict[TagStatus, str] = {
    "written": "written",
    "would_write": "would be written",
    "same": "there already",
    "kept": "kept as they were",
    "no_label": "without a label",
    "unsupported": "in files without such tags",
    "failed": "failed",
}


def check_tags(spec: ModelSpec) -> None:
    """Raises `ConfigError` for a model whose answers are no genres of recordings."""
    media = spec.input.media
    if media != "audio":
        raise ConfigError(f"tags are for recordings, and this model labels {media} files; leave out --write-tags")
    if spec.tasks[MAIN].kind == "regression":
        raise ConfigError("a genre is a label, and this model answers with numbers; leave out --write-tags")


@dataclass(slots=True)
class Tagger:
    """Writes the `Selection.genres` of each file into its tags (see `write_genres`).

    counts: how many files came to each end so far.
    """

    selection: Selection
    overwrite: bool = False
    dry_run: bool = False
    counts: Counter[TagStatus] = field(default_factory=Counter)

    def tagged(
        self,
        files: Iterable[FileResult],
        around: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> Iterator[FileResult]:
        """Each of `files` with what became of its tags; those that failed have no answer to write and pass.

        around: entered with the path of a file while its tags are written.
        """
        for file in files:
            if isinstance(file.outcome, Result):
                genres = self.selection.genres(file.outcome)
                with around(file.path):
                    tag = write_genres(file.path, genres, overwrite=self.overwrite, dry_run=self.dry_run)
                self.counts[tag.status] += 1
                file = replace(file, tag=tag)
            yield file

    @property
    def failed(self) -> int:
        """How many files should have got a tag and did not."""
        return self.counts["unsupported"] + self.counts["failed"]

    @property
    def summary(self) -> str:
        """The counts in words, for people."""
        told = ", ".join(f"{self.counts[status]} {words}" for status, words in _WORDS.items() if self.counts[status])
        return f"genres: {told or 'nothing to write'}"
