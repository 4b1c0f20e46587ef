"""Where the results of `audiocnn classify` go: OUT, standard output, or a table on a terminal."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

    from audiocnn.batch.formats.selection import Selection, Writer
    from audiocnn.batch.result import FileResult
    from audiocnn.cli.classify_options import Options


def check_output(output: Path) -> None:
    """Refuses an OUT that cannot be written, or that would replace a recording."""
    from audiocnn.batch.discover import EXTENSIONS

    if output.is_dir() or not output.parent.is_dir():
        raise click.BadParameter(f"expected a file in an existing folder, got {output}", param_hint="-o")
    for media, extensions in EXTENSIONS.items():
        if output.name.lower().endswith(extensions):
            raise click.BadParameter(
                f"{output} is called like {media}, and OUT gets text: name it .csv or .jsonl", param_hint="-o"
            )


def is_device(output: Path) -> bool:
    """Whether OUT is a pipe or a device: what cannot be replaced gets its rows as they come."""
    return output.exists() and not output.is_file() and not output.is_dir()


def write_output(options: "Options", output: Path, selection: "Selection", files: "Iterable[FileResult]") -> None:
    """All results to OUT, which is replaced once they are complete."""
    with ExitStack() as stack:
        writer = row_writer(stack, output, options.format_name, selection)
        for file in files:
            writer.write(file)


def row_writer(stack: ExitStack, output: Path | None, format_name: str | None, selection: "Selection") -> "Writer":
    """The writer of rows for programs, to OUT or to standard output."""
    from audiocnn.batch.complete_file import complete_file
    from audiocnn.batch.formats.csv_rows import CsvWriter
    from audiocnn.batch.formats.jsonl import JsonlWriter

    if format_name is None:
        format_name = "csv" if output is not None and output.suffix.lower() == ".csv" else "jsonl"
    stream = sys.stdout if output is None else stack.enter_context(complete_file(output))
    if format_name == "csv":
        return CsvWriter(stream, selection)
    return JsonlWriter(stream, selection)


def table_writer(selection: "Selection") -> "tuple[Writer, Console]":
    """The writer for people, and the terminal it writes on, which shows the bar below the rows."""
    from rich.console import Console

    from audiocnn.cli.table import TableWriter

    console = Console()
    return TableWriter(console, selection), console


def console_beside_rows(output: Path | None) -> "Console | None":
    """Standard error if it is a terminal on which no rows appear."""
    if not sys.stderr.isatty() or (output is None and sys.stdout.isatty()):
        return None
    from rich.console import Console

    return Console(stderr=True)
