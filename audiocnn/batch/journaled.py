"""A batch that loses nothing: `JournaledBatch`."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, cast

from audiocnn.batch.engine import pipeline
from audiocnn.batch.identity import identity
from audiocnn.batch.inventory import Inventory
from audiocnn.batch.journal import Journal
from audiocnn.batch.observed import Observed, observe
from audiocnn.batch.one_file import FileClassifier
from audiocnn.batch.record import DamagedRecordError
from audiocnn.batch.result import FileError, FileResult


class Cluster(Protocol):
    """What classifies elsewhere, so many files at a time; see `audiocnn.batch.ray_engine`."""

    wave: int

    def observed(self, paths: Sequence[str]) -> Iterator[Observed]:
        """What became of each of the files, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """A file whose result is known. error: if it failed. duration_s: of its sound or video, 0 for what has no time.

    fresh: whether this run has classified it and not an earlier one, of which the length is not looked up.
    """

    path: str
    fresh: bool = False
    error: FileError | None = None
    duration_s: float = 0.0

    @property
    def ok(self) -> bool:
        return self.error is None


class JournaledBatch:
    """Classifies files once: each result is in the journal before it is shown, and what is there is not done again.

        batch = JournaledBatch(discover(["music"]), classify, journal)
        for done in batch.run(workers=2): ...
        for file in batch.results(): ...

    found: what `discover` gives; read at once, each file counts once. retry_failed: do failed files again.
    A file is done again if its size, its time of change, the model or a setting that decides its answer has changed.
    So is one that could not be opened, which says nothing about what is in it.
    """

    def __init__(
        self,
        found: Iterable[str | FileResult],
        classify: FileClassifier,
        journal: Journal,
        *,
        retry_failed: bool = False,
    ) -> None:
        self._classify = classify
        self._journal = journal
        self._retry_failed = retry_failed
        self._fingerprint = classify.fingerprint
        self._records = classify.records
        self._inventory = Inventory(found)

    @property
    def total(self) -> int:
        """How many files there are, with the folders that could not be listed."""
        return len(self._inventory)

    def run(self, workers: int, *, ordered: bool = False) -> Generator[Done, None, None]:
        """Bring every file into the journal; yields as they are done, or in their order.

        Raises what `FileClassifier` and `Journal` raise. Closing the generator stops the work; it cannot be run again.
        """
        try:
            yield from pipeline(self._inventory, self._done, workers, ordered=ordered)
        finally:
            self._classify.stop()

    def run_on(self, cluster: Cluster) -> Generator[Done, None, None]:
        """`run` in the processes of a cluster. Raises what `cluster` and `Journal` raise."""
        waiting: list[str] = []
        for entry in self._inventory:
            done = _done(entry) if isinstance(entry, FileResult) else self._known(entry)
            if done is not None:
                yield done
                continue
            waiting.append(cast(str, entry))
            if len(waiting) == cluster.wave:
                yield from map(self._keep, cluster.observed(waiting))
                waiting = []
        if waiting:
            yield from map(self._keep, cluster.observed(waiting))

    def run_in_order(self, workers: int) -> Generator[FileResult, None, None]:
        """`run` that gives the results, those of earlier runs too."""
        with closing(self.run(workers, ordered=True)) as done:
            for entry, _ in zip(self._inventory, done, strict=False):
                yield entry if isinstance(entry, FileResult) else self.result(entry)

    def result(self, path: str, *, segments: bool = True) -> FileResult:
        """The result of a file that `run` has done. Raises `JournalError` for another, and `DamagedRecordError` where
        the disk has lost it: the next run does the file again."""
        record = self._journal.record(path, self._fingerprint)
        try:
            return self._records.unpack(path, record, segments=segments)
        except DamagedRecordError:
            self._journal.forget(path)
            raise

    def results(self, *, segments: bool = True) -> Iterator[FileResult]:
        """The results of all files in their order, after the end of `run`; one at a time, from the disk.

        segments: whether with the answers for windows; without them it takes a tenth of the time.
        Raises `DamagedRecordError` after the last file if records were damaged, whose files the next run does again.
        """
        damaged, first = 0, ""
        for entry in self._inventory:
            try:
                file = entry if isinstance(entry, FileResult) else self.result(entry, segments=segments)
            except DamagedRecordError as error:
                damaged, first = damaged + 1, first or str(error)
            else:
                yield file
        if damaged:
            others = f", and those of {damaged - 1} other files" if damaged > 1 else ""
            raise DamagedRecordError(f"{first}{others}; run the same command again, it does those anew")

    @contextmanager
    def same_answer(self, path: str) -> Iterator[None]:
        """What the block does to the file, such as writing tags, leaves its answer as it is: it is not done again."""
        before = identity(path)
        yield
        after = identity(path)
        if before is not None and after is not None and after != before:
            self._journal.renew(path, before, after, self._fingerprint)

    def _done(self, entry: str | FileResult) -> Done:
        if isinstance(entry, FileResult):
            return _done(entry)
        return self._known(entry) or self._keep(observe(entry, self._classify, self._records))

    def _known(self, path: str) -> Done | None:
        now = identity(path)
        ok = None if now is None else self._journal.find(path, now, self._fingerprint)
        if ok:
            return Done(path)
        if ok is None or self._retry_failed:
            return None
        with suppress(DamagedRecordError):
            return _done(self.result(path), fresh=False)
        return None

    def _keep(self, seen: Observed) -> Done:
        self._journal.put(seen.path, seen.identity, self._fingerprint, seen.error is None, seen.record)
        return Done(seen.path, True, seen.error, seen.duration_s)


def _done(file: FileResult, *, fresh: bool = True) -> Done:
    error = file.outcome if isinstance(file.outcome, FileError) else None
    return Done(file.path, fresh, error, file.duration_s)
