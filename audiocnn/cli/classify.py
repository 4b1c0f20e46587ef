"""`audiocnn classify`: labels for files and folders."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audiocnn.cli.interrupt import uninterrupted
from audiocnn.cli.stderr import without_codec_noise

if TYPE_CHECKING:
    from rich.console import Console

    from audiocnn.batch.formats.selection import Selection, Writer


@click.command(short_help="Label files and folders.")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path())
@click.option("-r", "--recursive", is_flag=True, help="Look in sub-folders too.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT", help="Write to this file.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["csv", "jsonl"]),
    help="What to write. Without it: what OUT's ending says, a table on a terminal, jsonl elsewhere.",
)
@click.option("--segments", is_flag=True, help="Add the answer for each window of a few seconds.")
@click.option("--top-k", type=click.IntRange(min=1), default=5, show_default=True, help="Labels to give, best first.")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Leave out labels scored lower."
)
@click.option("--model", default="genre", show_default=True, metavar="NAME|DIR", help="A bundled model or your own.")
@click.option("--workers", type=click.IntRange(min=1), help="Files at work at once.  [default: one for each CPU]")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary, only results.")
@click.pass_context
def classify(
    ctx: click.Context,
    inputs: tuple[str, ...],
    recursive: bool,
    output: Path | None,
    format_name: str | None,
    segments: bool,
    top_k: int,
    threshold: float,
    model: str,
    workers: int | None,
    quiet: bool,
) -> None:
    """Label audio files, and the audio files in folders: WAV, FLAC, Ogg, MP3, AIFF, AU and CAF.

    With a model of images, video or volumes (see `audiocnn models`) it labels those.

    A file that cannot be read gives a row that says why, and the others go on. OUT is replaced when all is done;
    until then the finished rows lie in OUT.part.

    Exit code: 0 all files were classified, 1 some failed, 2 the command could not run.

    \b
    Examples:
      audiocnn classify song.wav
      audiocnn classify -r music -o genres.csv --top-k 1
      audiocnn classify interview.mp3 --segments --format csv
      audiocnn classify -r music | jq -r '[.path, .predictions[0].label] | @tsv'
    """
    from audiocnn.batch.complete_file import part_of
    from audiocnn.batch.discover import discover
    from audiocnn.batch.engine import classify_files
    from audiocnn.batch.formats.selection import Selection
    from audiocnn.inference.classifier import Classifier

    if output is not None:
        _check_output(output)
    classifier = Classifier.load(model)
    selection = Selection.of(classifier.spec.tasks, top_k, threshold, segments)
    media = classifier.spec.input.media
    find = partial(discover, inputs, recursive=recursive, media=media)
    started = time.monotonic()
    done = failed = 0
    with ExitStack() as stack:
        stack.enter_context(without_codec_noise())
        writer: Writer
        console: Console | None
        if output is None and format_name is None and sys.stdout.isatty():
            writer, console = _table(selection)
        else:
            writer, console = _rows(stack, output, format_name, selection), _console_beside_rows(output)
        tick = None
        if console is not None and not quiet:
            tick = _bar(stack, console, total=sum(1 for _ in find()))
        files = classify_files(find(), classifier, workers=workers)
        try:
            for file in stack.enter_context(closing(files)):
                with uninterrupted():
                    writer.write(file)
                    done += 1
                    failed += not file.ok
                if tick is not None:
                    tick(failed)
        except KeyboardInterrupt:
            where = f"; their rows are in {part_of(output)}" if output is not None else ""
            click.echo(f"stopped after {done} files{where}", err=True)
            raise
    if not quiet and (tick is not None or failed or not done):
        click.echo(_summary(media, done, failed, time.monotonic() - started, recursive), err=True)
    if failed:
        ctx.exit(1)


def _check_output(output: Path) -> None:
    """Refuses an OUT that cannot be written, or that would replace a recording."""
    from audiocnn.batch.discover import EXTENSIONS

    if output.is_dir() or not output.parent.is_dir():
        raise click.BadParameter(f"expected a file in an existing folder, got {output}", param_hint="-o")
    for media, extensions in EXTENSIONS.items():
        if output.name.lower().endswith(extensions):
            raise click.BadParameter(
                f"{output} is called like {media}, and OUT gets text: name it .csv or .jsonl", param_hint="-o"
            )


def _rows(stack: ExitStack, output: Path | None, format_name: str | None, selection: "Selection") -> "Writer":
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


def _table(selection: "Selection") -> "tuple[Writer, Console]":
    """The writer for people, and the terminal it writes on, which shows the bar below the rows."""
    from rich.console import Console

    from audiocnn.cli.table import TableWriter

    console = Console()
    return TableWriter(console, selection), console


def _console_beside_rows(output: Path | None) -> "Console | None":
    """Standard error if it is a terminal on which no rows appear."""
    if not sys.stderr.isatty() or (output is None and sys.stdout.isatty()):
        return None
    from rich.console import Console

    return Console(stderr=True)


def _bar(stack: ExitStack, console: "Console", total: int) -> Callable[[int], None]:
    from audiocnn.cli.progress import progress_bar

    return stack.enter_context(progress_bar(console, total))


def _summary(media: str, done: int, failed: int, seconds: float, recursive: bool) -> str:
    if not done:
        return f"no {media} files found" + ("" if recursive else "; -r looks in sub-folders too")
    return f"{done} {'file' if done == 1 else 'files'} in {seconds:.1f} s, {failed} failed"
