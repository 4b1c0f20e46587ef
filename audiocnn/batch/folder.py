"""The batch as one call: `classify_folder`."""

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path

from audiocnn import pretrained
from audiocnn.batch.discover import discover
from audiocnn.batch.engine import checked_workers, stream_files
from audiocnn.batch.formats.outputs import check_formats, check_output, format_of, is_device, needs_windows, outputs
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.genre_map import GenreMap
from audiocnn.batch.inputs import expand_patterns
from audiocnn.batch.inventory import once
from audiocnn.batch.journal import Journal, journal_of
from audiocnn.batch.journaled import JournaledBatch
from audiocnn.batch.result import FileResult
from audiocnn.batch.work import Engine, check_engine, workplace
from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError
from audiocnn.inference.backend import Device
from audiocnn.limits import DecodeLimits

PathLike = str | os.PathLike[str]


def classify_folder(
    inputs: PathLike | Iterable[PathLike],
    model: str | Path = "genre",
    *,
    output: PathLike | None = None,
    formats: str | Sequence[str] = (),
    recursive: bool = True,
    top_k: int = 5,
    threshold: float = 0.0,
    segments: bool = False,
    merge: bool = False,
    genre_map: Mapping[str, str] | None = None,
    workers: int | None = None,
    window_s: float | None = None,
    hop_s: float | None = None,
    limits: DecodeLimits | None = None,
    device: Device = "cpu",
    engine: Engine = "local",
    ray_address: str = "",
    resume: bool = True,
    retry_failed: bool = False,
) -> Generator[FileResult, None, None]:
    """Classify files and folders of any size; gives a `FileResult` for each file, in a stable order.

        for file in audiocnn.classify_folder("music", output="genres.csv"):
            if file.ok:
                print(file.path, file.outcome.labels)

    inputs: files, folders and patterns such as `music/**/*.mp3`, one or many. recursive: look in sub-folders.
    engine: work in this process, or on a Ray cluster, of which ray_address names an existing one (docs/scale.md).
    model, device: as in `Classifier.load`. workers: files at work at once, by default one for each CPU.
    window_s, hop_s: other windows than the model's own. limits: what to refuse.
    output: also write all of it there, at once, after the last file. Each answer is kept in `OUTPUT.journal` as soon as
      it is known: when this is called again, whatever ended it, what has not changed is not classified again.
    formats: one or several of `audiocnn.batch.formats.outputs.FORMATS`; by default what the ending of output says.
      Several, or one that is many files, make output a folder. top_k, threshold, segments: what is written, of what
      is given.
    merge: whether neighbouring windows with the same best label are written as one. genre_map: names of playlists for
      labels (see `GenreMap`).
    resume: with False, begin a new journal. retry_failed: try files again that failed before.
    The work is done as results are asked for; closing the generator stops it. A file that fails gives
    a `FileResult` with a `FileError`. Raises what `Classifier.load` raises, `ConfigError` for illegal values and
    `JournalError` if the journal is in use or cannot be written.
    """
    count = checked_workers(workers)
    check_engine(engine)
    spec = read_spec(pretrained.resolve(model))
    selection = Selection(top_k, threshold, segments, spec.tasks, merge, GenreMap(genre_map or {}))
    target = None if output is None else Path(output)
    chosen = [formats] if isinstance(formats, str) else list(formats)
    if target is None:
        if chosen or retry_failed:
            raise ConfigError("formats and retry_failed are about what is written: give output too")
    else:
        chosen = chosen or [format_of(target)]
        check_formats(chosen, spec)
        check_output(target, chosen)
        if is_device(target):
            raise ConfigError(f"expected the name of a file or folder for output, and {target} is a pipe or a device")
    names = [os.fspath(path) for path in ([inputs] if isinstance(inputs, (str, os.PathLike)) else inputs)]

    def results() -> Generator[FileResult, None, None]:
        with workplace(engine, ray_address, model, workers, limits, window_s=window_s, hop_s=hop_s, device=device) as (
            classify,
            cluster,
        ):
            found = discover(expand_patterns(names), recursive=recursive, media=spec.input.media)
            if target is None:
                yield from cluster.stream(once(found)) if cluster else stream_files(once(found), classify, count)
                return
            with Journal(journal_of(target), fresh=not resume) as journal:
                batch = JournaledBatch(found, classify, journal, retry_failed=retry_failed)
                if cluster is None:
                    yield from batch.run_in_order(count)
                else:
                    for _ in batch.run_on(cluster):
                        pass
                    yield from batch.results()
                with outputs(target, chosen, selection) as writer:
                    for file in batch.results(segments=needs_windows(chosen, selection)):
                        writer.write(file)

    return results()
