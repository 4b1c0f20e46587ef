"""Progress on standard error, so that standard output holds results only."""

from collections.abc import Generator, Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")


def progress_bar(*, visible: bool = True) -> Progress:
    """A bar with count, remaining time, and a note (the field `note`) behind it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=not visible,
    )


def track(items: Iterable[Item], description: str, total: int) -> Generator[Item, None, None]:
    """`items`, counted on a bar as they pass."""
    with progress_bar() as bar:
        task = bar.add_task(description, total=total, note="")
        for item in items:
            yield item
            bar.update(task, advance=1)
