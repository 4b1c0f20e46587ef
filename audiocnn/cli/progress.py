"""How far a batch is: a bar on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from audiocnn.cli.tally import Tally

if TYPE_CHECKING:
    from rich.console import Console

Show = Callable[[Tally], None]

LINE_EVERY_S = 30.0


@contextmanager
def progress_bar(console: "Console") -> Iterator[Show]:
    """A bar, gone at the end. Call what it gives after each file."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    progress = Progress(
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rates]}"),
        console=console,
        transient=True,
        redirect_stdout=False,  # or rich sends what is written there, such as rows for a pipe, to the bar's terminal
    )
    with progress:
        task = progress.add_task("", total=None, rates="")
        yield lambda tally: progress.update(task, total=tally.total, completed=tally.done, rates=tally.rates)


@contextmanager
def progress_lines() -> Iterator[Show]:
    """A line on standard error every `LINE_EVERY_S`. Call what it gives after each file."""
    last = time.monotonic()

    def show(tally: Tally) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY_S:
            last = time.monotonic()
            click.echo(tally.line, err=True)

    yield show
