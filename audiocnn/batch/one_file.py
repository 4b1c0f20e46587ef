"""One file of a batch: `FileClassifier`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audiocnn.batch.identity import fingerprint
from audiocnn.batch.record import Records
from audiocnn.batch.result import FileError, FileResult
from audiocnn.errors import DecoderPoolError, MediaError, MissingExtraError, WindowError
from audiocnn.inference.backend import Device
from audiocnn.inference.classifier import Classifier
from audiocnn.isolation.pool import ChildLimits, DecoderPool
from audiocnn.isolation.process import ChildDiedError
from audiocnn.limits import DecodeLimits
from audiocnn.spec import ModelSpec, recut

CHILD_LIMITS = ChildLimits(cpu_s=3600, block_s=60, file_s=3600)
"""Hours of sound take minutes to decode; a decoder that hangs gives no block for `block_s`, in which a sleeping disk
wakes up."""
_FATAL = (DecoderPoolError, MissingExtraError, WindowError)
"""What no other file would fare better with: it ends the batch."""
_TRIES = 2


class StoppedError(Exception):
    """The batch was stopped while the file was at work."""


class FileClassifier:
    """Classifies one file after another, whatever is in them. Safe to share between threads.

    classifier: should decode in child processes, so that a file that makes its decoder hang or crash costs a child.
    Such a file gets a second try with another child, which tells a bad file from bad luck; then it is given up.
    limits: what to refuse. window_s, hop_s: other windows than the model's own.
    """

    def __init__(
        self,
        classifier: Classifier,
        limits: DecodeLimits | None = None,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
    ) -> None:
        self._classifier = classifier
        self._limits = limits
        self._windows = {"window_s": window_s, "hop_s": hop_s}
        self._stopped = threading.Event()

    def __call__(self, path: str) -> FileResult:
        """The answer, or the error as a `FileError`.

        Raises only what ends the batch: `StoppedError` after `stop`, and errors that every file would have.
        """
        tries = 0
        while True:
            tries += 1
            self._check_stopped()
            try:
                answer = self._classifier.classify(path, self._limits, progress=self._check_stopped, **self._windows)
                return FileResult(path, answer)
            except (StoppedError, *_FATAL):
                self._check_stopped()  # a pool that was closed by the stop is no error
                raise
            except Exception as error:  # whatever one file does, the other thousands get their answer
                self._check_stopped()
                killed_its_decoder = isinstance(error, MediaError) and isinstance(error.__cause__, ChildDiedError)
                if killed_its_decoder and tries < _TRIES:
                    continue
                return FileResult(path, FileError.from_exception(error))

    @property
    def spec(self) -> ModelSpec:
        return self._classifier.spec

    @property
    def records(self) -> Records:
        """What packs its results."""
        return Records(self._classifier.info, self.spec.tasks)

    @property
    def fingerprint(self) -> bytes:
        """Of the model and the settings that decide its answers. Raises `WindowError` for windows it does not take."""
        windows = recut(self.spec.input, **self._windows)
        return fingerprint(self.spec, self._classifier.info, windows, self._limits or DecodeLimits())

    def stop(self) -> None:
        """End the files at work within a batch of windows; they give no result."""
        self._stopped.set()

    def _check_stopped(self, heard_s: float = 0.0) -> None:
        if self._stopped.is_set():
            raise StoppedError


@contextmanager
def loaded(
    model: str | Path,
    workers: int,
    limits: DecodeLimits | None = None,
    *,
    window_s: float | None = None,
    hop_s: float | None = None,
    device: Device = "cpu",
) -> Iterator[FileClassifier]:
    """A `FileClassifier` with so many decoder children, which ends what is at work at the end of the block.

    Raises what `Classifier.load` raises.
    """
    with DecoderPool(workers, CHILD_LIMITS) as decoders:
        classifier = Classifier.load(model, device=device, decoders=decoders)
        classify = FileClassifier(classifier, limits, window_s=window_s, hop_s=hop_s)
        try:
            yield classify
        finally:
            classify.stop()
