"""The options of `audiocnn classify`, and what was given of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """What was given on the command line, one field for each parameter."""

    inputs: tuple[str, ...]
    recursive: bool
    output: Path | None
    format_name: str | None
    segments: bool
    top_k: int
    threshold: float
    model: str
    workers: int | None
    quiet: bool


_INPUT = [
    click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path()),
    click.option("-r", "--recursive", is_flag=True, help="Look in sub-folders too."),
]
_OUTPUT = [
    click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Write to this file."),
    click.option(
        "--format",
        "format_name",
        type=click.Choice(["csv", "jsonl"]),
        help="What to write. Without it: what OUT's ending says, a table on a terminal, jsonl elsewhere.",
    ),
    click.option("--segments", is_flag=True, help="Add the answer for each window of a few seconds."),
    click.option(
        "--top-k", type=click.IntRange(min=1), default=5, show_default=True, help="Labels to give, best first."
    ),
    click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        help="Leave out labels scored lower.",
    ),
]
_WORK = [
    click.option(
        "--model", default="genre", show_default=True, metavar="NAME|DIR", help="A bundled model or your own."
    ),
    click.option("--workers", type=click.IntRange(min=1), help="Files at work at once.  [default: one for each CPU]"),
]
_REPORT = [
    click.option("-q", "--quiet", is_flag=True, help="No progress and no summary, only results."),
]


def options(command: Command) -> Command:
    """All parameters, in the order in which `--help` shows them."""
    for parameter in reversed([*_INPUT, *_OUTPUT, *_WORK, *_REPORT]):
        command = parameter(command)
    return command
