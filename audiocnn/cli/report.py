"""What `audiocnn classify` says on the way and at the end: `Report`."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from audiocnn.batch.result import FileError, FileResult
from audiocnn.cli.classify_options import Options
from audiocnn.cli.progress import LINE_EVERY_S, Show, progress_bar, progress_lines
from audiocnn.cli.tally import Tally

if TYPE_CHECKING:
    from rich.console import Console


class FirstFailureError(click.ClickException):
    """A file failed and the user wants no more then: exit code 1."""


class Report:
    """Counts files and shows how far they are while its block lasts.

    console: the terminal for the bar, if there is one. total: how many files there are, if that is known.
    go_on: how to go on after Ctrl-C.
    """

    def __init__(self, options: Options, console: "Console | None", total: int | None, go_on: str = "") -> None:
        self.tally = Tally(total)
        self._options = options
        self._has_bar = console is not None and not options.quiet
        self._go_on = go_on
        self._console = console
        self._progress = self._display()
        self._show: Show = lambda _: None

    def add(self, path: str, error: FileError | None, *, duration_s: float = 0.0, fresh: bool = True) -> None:
        """Count a file; error: why it failed; fresh: whether in this run. Raises `FirstFailureError` if asked to."""
        self.tally.add(ok=error is None, duration_s=duration_s, fresh=fresh)
        self._show(self.tally)
        if error is None:
            return
        earlier = "" if fresh else " (in an earlier run; --retry-failed tries it again)"
        said = f"{_printable(path)}: {_printable(error.detail)}{earlier}"
        if self._options.fail_fast:
            raise FirstFailureError(said)
        if self._options.verbose:
            click.echo(said, err=True)

    def add_result(self, file: FileResult) -> None:
        """`add` for a result of this run."""
        self.add(file.path, file.outcome if isinstance(file.outcome, FileError) else None, duration_s=file.duration_s)

    @contextmanager
    def writing(self, files: Iterable[FileResult]) -> Iterator[Iterator[FileResult]]:
        """`files` again, and how far the writing of them is: tags take their time."""
        tally = Tally(self.tally.total)
        with self._display() as show:

            def shown() -> Iterator[FileResult]:
                for file in files:
                    yield file
                    tally.add(ok=file.ok)
                    show(tally)

            try:
                yield shown()
            except KeyboardInterrupt:
                click.echo(f"stopped while writing, after {tally.done} files{self._go_on}", err=True)
                raise

    def _display(self) -> AbstractContextManager[Show]:
        if self._options.quiet:
            return nullcontext(lambda _: None)
        return progress_lines() if self._console is None else progress_bar(self._console)

    def conclude(self, media: str, left_out: Mapping[str, int]) -> None:
        """The summary, where there is something to say that the rows do not.

        left_out: how many files of each extension were not tried."""
        tally, options = self.tally, self._options
        if options.quiet:
            return
        if not tally.done:
            deeper = "" if options.recursive else "; -r looks in sub-folders too"
            click.echo(f"no {media} files found{deeper}", err=True)
        elif self._has_bar or tally.failed or tally.done > tally.classified or tally.elapsed_s > LINE_EVERY_S:
            click.echo(tally.summary, err=True)
        if left_out:
            counts = ", ".join(f"{count} {extension}" for extension, count in sorted(left_out.items()))
            click.echo(f"left out, as these kinds of files are not read: {counts}", err=True)

    def __enter__(self) -> Self:
        self._show = self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)
        if isinstance(error, KeyboardInterrupt):
            click.echo(f"stopped after {self.tally.done} files{self._go_on}", err=True)


def _printable(text: str) -> str:
    from audiocnn.cli.table import printable  # that module needs rich, which takes its time to load

    return printable(text)
