"""What `audiocnn classify` does."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING

import click

from audiocnn.cli.classify_options import Options
from audiocnn.cli.classify_output import check_output, console_beside_rows, row_writer, table_writer
from audiocnn.cli.interrupt import uninterrupted
from audiocnn.cli.stderr import without_codec_noise

if TYPE_CHECKING:
    from rich.console import Console

    from audiocnn.batch.formats.selection import Writer


def run(options: Options) -> int:
    """Classify, write and report; gives the exit code."""
    from audiocnn.batch.complete_file import part_of
    from audiocnn.batch.discover import discover
    from audiocnn.batch.engine import classify_files
    from audiocnn.batch.formats.selection import Selection
    from audiocnn.inference.classifier import Classifier

    if options.output is not None:
        check_output(options.output)
    classifier = Classifier.load(options.model)
    selection = Selection(options.top_k, options.threshold, options.segments, classifier.spec.tasks)
    media = classifier.spec.input.media
    find = partial(discover, options.inputs, recursive=options.recursive, media=media)
    started = time.monotonic()
    done = failed = 0
    with ExitStack() as stack:
        stack.enter_context(without_codec_noise())
        writer: Writer
        console: Console | None
        if options.output is None and options.format_name is None and sys.stdout.isatty():
            writer, console = table_writer(selection)
        else:
            writer = row_writer(stack, options.output, options.format_name, selection)
            console = console_beside_rows(options.output)
        tick = None
        if console is not None and not options.quiet:
            tick = _bar(stack, console, total=sum(1 for _ in find()))
        files = classify_files(find(), classifier, workers=options.workers)
        try:
            for file in stack.enter_context(closing(files)):
                with uninterrupted():
                    writer.write(file)
                    done += 1
                    failed += not file.ok
                if tick is not None:
                    tick(failed)
        except KeyboardInterrupt:
            where = f"; their rows are in {part_of(options.output)}" if options.output is not None else ""
            click.echo(f"stopped after {done} files{where}", err=True)
            raise
    if not options.quiet and (tick is not None or failed or not done):
        click.echo(_summary(media, done, failed, time.monotonic() - started, options.recursive), err=True)
    return int(failed > 0)


def _bar(stack: ExitStack, console: "Console", total: int) -> Callable[[int], None]:
    from audiocnn.cli.progress import progress_bar

    return stack.enter_context(progress_bar(console, total))


def _summary(media: str, done: int, failed: int, seconds: float, recursive: bool) -> str:
    if not done:
        return f"no {media} files found" + ("" if recursive else "; -r looks in sub-folders too")
    return f"{done} {'file' if done == 1 else 'files'} in {seconds:.1f} s, {failed} failed"
