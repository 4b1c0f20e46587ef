"""OUT in one format or in several at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from audiocnn.batch.discover import EXTENSIONS, UNREAD
from audiocnn.batch.formats.audacity import open_audacity
from audiocnn.batch.formats.csv_rows import open_csv
from audiocnn.batch.formats.jams import open_jams
from audiocnn.batch.formats.jsonl import open_jsonl
from audiocnn.batch.formats.m3u8 import open_m3u8
from audiocnn.batch.formats.selection import Selection, Writer
from audiocnn.batch.result import FileResult
from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN, ModelSpec


@dataclass(frozen=True, slots=True)
class Format:
    """How results are written.

    place: what it is called in a folder of several formats. is_folder: whether it is many files.
    of_windows: whether it is always about windows.
    """

    place: str
    is_folder: bool
    open: Callable[[Path, Selection], AbstractContextManager[Writer]]
    of_windows: bool = False


def _open_parquet(path: Path, selection: Selection) -> AbstractContextManager[Writer]:
    from audiocnn.batch.formats.parquet import open_parquet  # needs an extra

    return open_parquet(path, selection)


FORMATS: Mapping[str, Format] = {
    "csv": Format("results.csv", False, open_csv),
    "jsonl": Format("results.jsonl", False, open_jsonl),
    "parquet": Format("results.parquet", False, _open_parquet),
    "audacity": Format("audacity", True, open_audacity, of_windows=True),
    "m3u8": Format("playlists", True, open_m3u8),
    "jams": Format("jams", True, open_jams, of_windows=True),
}


def format_of(output: Path) -> str:
    """The format that OUT's ending asks for; `jsonl` where it says nothing. Raises `ConfigError` for the ending of a
    format that is many files: it needs a folder and its name."""
    name = output.suffix.lower().removeprefix(".")
    if name in FORMATS and FORMATS[name].is_folder:
        raise ConfigError(
            f"{name} is many files in a folder, and {output} looks like one: give a folder and the format"
        )
    return name if name in FORMATS else "jsonl"


def needs_windows(names: Sequence[str], selection: Selection) -> bool:
    """Whether the formats write anything of the answers for windows."""
    return selection.segments or any(FORMATS[name].of_windows for name in names)


def check_formats(names: Sequence[str], spec: ModelSpec) -> None:
    """Raises `ConfigError` for unknown formats and those that cannot hold what a model of `spec` says, and
    `MissingExtraError` for one that needs packages which are not installed."""
    media = spec.input.media
    for name in names:
        if name not in FORMATS:
            raise ConfigError(f"unknown format {name!r}; known: {', '.join(FORMATS)}")
    if "parquet" in names:
        import audiocnn.batch.formats.parquet  # noqa: F401 raises what is to be said
    if "audacity" in names and media not in ("audio", "video"):
        raise ConfigError(f"audacity holds labels over time, and this model labels {media} files; use csv or jsonl")
    if "jams" in names and media != "audio":
        raise ConfigError(f"jams holds annotations of sound, and this model labels {media} files; use csv or jsonl")
    if "m3u8" in names and spec.tasks[MAIN].kind == "regression":
        raise ConfigError("m3u8 makes a playlist for each label, and this model answers with numbers; use csv or jsonl")


def is_folder(names: Sequence[str]) -> bool:
    """Whether formats are many files."""
    return len(names) > 1 or FORMATS[names[0]].is_folder


def check_output(output: Path, names: Sequence[str]) -> None:
    """Raises `ConfigError` for an `output` that cannot hold these formats, or that would replace a recording."""
    called = ",".join(names)
    if not output.parent.is_dir():
        raise ConfigError(f"expected a name in an existing folder for what is written, got {output}")
    if is_folder(names):
        if output.exists() and not output.is_dir():
            raise ConfigError(f"{called} goes into a folder, and {output} is none")
        return
    if output.is_dir():
        raise ConfigError(f"{called} goes into a file, and {output} is a folder")
    for media, extensions in EXTENSIONS.items():
        if output.name.lower().endswith(extensions + UNREAD[media]):
            place = FORMATS[names[0]].place
            raise ConfigError(f"{output} is called like {media}, and would get {called}: name it {place}")


def is_device(output: Path) -> bool:
    """Whether `output` is a pipe or a device, which cannot be replaced and beside which no journal can lie."""
    return output.exists() and not output.is_file() and not output.is_dir()


@contextmanager
def outputs(path: Path, names: Sequence[str], selection: Selection) -> Iterator[Writer]:
    """A writer of every format in `names`; what it writes is seen when the block ends without an error.

    One format writes to `path` itself, a file or a folder; several write into the folder `path`, to their `place`.
    """
    with ExitStack() as stack:
        if len(names) > 1:
            path.mkdir(parents=True, exist_ok=True)
        places = [path if len(names) == 1 else path / FORMATS[name].place for name in names]
        yield _Several(
            [
                stack.enter_context(FORMATS[name].open(place, selection))
                for name, place in zip(names, places, strict=True)
            ]
        )


class _Several:
    """Writes each result with every one of its writers."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = writers

    def write(self, file: FileResult) -> None:
        for writer in self._writers:
            writer.write(file)
