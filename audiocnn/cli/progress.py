"""A progress bar on a terminal: how many files, how many failed so far, how long it will take."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over `total` files, gone at the end. Call what it gives once for each file, with the failures so far."""
    progress = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        transient=True,
        redirect_stdout=False,  # or rich sends what is written there, such as rows for a pipe, to the bar's terminal
    )
    with progress:
        task = progress.add_task("", total=total, failed=0)
        yield lambda failed: progress.update(task, advance=1, failed=failed)
