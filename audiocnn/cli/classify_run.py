"""What `audiocnn classify` does."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audiocnn.cli.classify_options import Options
from audiocnn.cli.classify_output import (
    chosen_formats,
    console_beside_rows,
    row_writer,
    table_writer,
    write_output,
)
from audiocnn.cli.classify_tags import check_combinations, names_for, tagger_for
from audiocnn.cli.interrupt import uninterrupted
from audiocnn.cli.report import Report

if TYPE_CHECKING:
    from rich.console import Console

    from audiocnn.batch.formats.selection import Selection, Writer
    from audiocnn.batch.one_file import FileClassifier
    from audiocnn.batch.ray_engine import RayEngine
    from audiocnn.batch.result import FileResult
    from audiocnn.batch.tags.run import Tagger


def run(options: Options) -> int:
    """Classify, write and report; gives the exit code."""
    from audiocnn.batch.engine import checked_workers
    from audiocnn.batch.formats.outputs import check_formats, check_output, is_device
    from audiocnn.batch.formats.selection import Selection
    from audiocnn.batch.work import workplace

    if not options.inputs and options.files_from is None:
        raise click.UsageError("Missing argument 'INPUT...': name files or folders, or a list with --files-from")
    formats = chosen_formats(options)
    if options.output is not None:
        check_output(options.output, formats)
    check_combinations(options, formats)
    if options.retry_failed and (options.output is None or not options.resume):
        raise click.UsageError("--retry-failed needs the journal of an earlier run: give its -o, without --no-resume")
    workers = checked_workers(options.workers)
    if options.ray_address and options.engine != "ray":
        raise click.UsageError("--ray-address needs --engine ray")
    with workplace(
        options.engine,
        options.ray_address,
        options.model,
        options.workers,
        window_s=options.window_s,
        hop_s=options.hop_s,
        device=options.device,
    ) as (classify, cluster):
        check_formats(formats, classify.spec)
        selection = Selection(
            options.top_k,
            options.threshold,
            options.segments,
            classify.spec.tasks,
            options.merge_consecutive,
            names_for(options, classify.spec),
            options.write_tags,
        )
        tagger = tagger_for(options, classify.spec, selection)
        work = _Work(options, formats, classify, cluster, selection, workers, tagger)
        try:
            if options.output is None or is_device(options.output):
                report = work.stream()
            else:
                report = work.journaled(options.output)
        finally:
            if tagger is not None and not options.quiet:
                click.echo(tagger.summary, err=True)
    report.conclude(classify.spec.input.media, work.left_out)
    return int(report.tally.failed > 0 or (tagger is not None and tagger.failed > 0))


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done, once all of it is known to be possible."""

    options: Options
    formats: tuple[str, ...]
    classify: "FileClassifier"
    cluster: "RayEngine | None"
    selection: "Selection"
    workers: int
    tagger: "Tagger | None"
    left_out: Counter[str] = field(default_factory=Counter)

    def journaled(self, output: Path) -> Report:
        """Every file into the journal, then tags into the files, and all of them into OUT, at once."""
        from audiocnn.batch.formats.outputs import needs_windows
        from audiocnn.batch.journal import Journal, journal_of
        from audiocnn.batch.journaled import JournaledBatch

        options = self.options
        with Journal(journal_of(output), fresh=not options.resume) as journal:
            batch = JournaledBatch(
                self._found(self.left_out), self.classify, journal, retry_failed=options.retry_failed
            )
            go_on = f"; they are in {journal.path}, and the same command goes on from there"
            report = Report(options, console_beside_rows(output), batch.total, go_on)
            run = batch.run(self.workers) if self.cluster is None else batch.run_on(self.cluster)
            with report, closing(run) as files:
                for done in files:
                    report.add(done.path, done.error, duration_s=done.duration_s, fresh=done.fresh)
            results = batch.results(segments=needs_windows(self.formats, self.selection))
            if self.tagger is not None:
                results = self.tagger.tagged(results, batch.same_answer)
            with report.writing(results) as files_written:
                write_output(output, self.formats, self.selection, files_written)
        return report

    def stream(self) -> Report:
        """Rows as they come, in the order of the files, without a journal."""
        from audiocnn.batch.engine import stream_files
        from audiocnn.batch.inventory import once

        options = self.options
        with ExitStack() as stack:
            writer: Writer
            console: Console | None
            if options.output is None and not options.formats and sys.stdout.isatty():
                writer, console = table_writer(self.selection)
            else:
                writer = row_writer(stack, options.output, self.formats[0], self.selection)
                console = console_beside_rows(options.output)
            total = None
            if console is not None and not options.quiet and not options.reads_a_list:
                total = sum(1 for _ in once(self._found(Counter())))
            report = stack.enter_context(Report(options, console, total))
            found = once(self._found(self.left_out))
            files: Iterator[FileResult] = stack.enter_context(
                closing(
                    stream_files(found, self.classify, self.workers)
                    if self.cluster is None
                    else self.cluster.stream(found)
                )
            )
            for file in files if self.tagger is None else self.tagger.tagged(files):
                with uninterrupted():
                    writer.write(file)
                    report.add_result(file)
        return report

    def _found(self, left_out: Counter[str]) -> "Iterator[str | FileResult]":
        from audiocnn.batch.discover import discover

        media = self.classify.spec.input.media
        return discover(_named(self.options), recursive=self.options.recursive, media=media, left_out=left_out)


def _named(options: Options) -> Iterator[str]:
    from audiocnn.batch.inputs import STANDARD_INPUT, expand_patterns, read_list

    for path in expand_patterns(options.inputs):
        if path == STANDARD_INPUT:
            yield from read_list(_unbuffered_stdin())
        else:
            yield path
    if options.files_from == STANDARD_INPUT:
        yield from read_list(_unbuffered_stdin())
    elif options.files_from is not None:
        with open(options.files_from, "rb", buffering=0) as stream:
            yield from read_list(stream)


def _unbuffered_stdin() -> Any:
    """Below the buffer, whose lock a thread that waits for a slow list would hold at the end of the process."""
    return getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
