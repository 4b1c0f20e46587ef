"""Where the results of `audiocnn classify` go: OUT, standard output, or a table on a terminal."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from audiocnn.batch.formats.csv_rows import CsvWriter
from audiocnn.batch.formats.jsonl import JsonlWriter
from audiocnn.batch.formats.outputs import format_of, is_folder, outputs
from audiocnn.batch.formats.selection import Selection, Writer

if TYPE_CHECKING:
    from rich.console import Console

    from audiocnn.batch.result import FileResult
    from audiocnn.cli.classify_options import Options


_ROWS: Mapping[str, Callable[[TextIO, Selection], Writer]] = {"csv": CsvWriter, "jsonl": JsonlWriter}


def chosen_formats(options: "Options") -> tuple[str, ...]:
    """The formats to write: those given, or the one that OUT's ending names, or else jsonl.

    Raises `click.UsageError` for those that need an OUT where there is none, or a file where it names a folder.
    """
    formats = options.formats or ("jsonl" if options.output is None else format_of(options.output),)
    if options.out is not None and options.out.endswith(os.sep) and not is_folder(formats):
        raise click.UsageError(f"{formats[0]} goes into a file, and {options.out} names a folder: give -o a file in it")
    if options.output is None and (len(formats) > 1 or formats[0] not in _ROWS):
        raise click.UsageError(f"--format {','.join(formats)} needs -o OUT: only csv and jsonl go to standard output")
    return formats


def write_output(output: Path, formats: Sequence[str], selection: Selection, files: "Iterable[FileResult]") -> None:
    """All results to OUT, which is replaced once they are complete."""
    with outputs(output, formats, selection) as writer:
        for file in files:
            writer.write(file)


def row_writer(stack: ExitStack, output: Path | None, format_name: str, selection: Selection) -> Writer:
    """The writer of rows for programs, to OUT or to standard output."""
    if output is None:
        return _ROWS[format_name](sys.stdout, selection)
    return stack.enter_context(outputs(output, [format_name], selection))


def table_writer(selection: Selection) -> "tuple[Writer, Console]":
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
