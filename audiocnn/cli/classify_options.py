"""The options of `audiocnn classify`, and what was given of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from click.shell_completion import CompletionItem

from audiocnn.batch.formats.outputs import FORMATS
from audiocnn.batch.inputs import STANDARD_INPUT
from audiocnn.batch.work import Engine
from audiocnn.inference.backend import Device

STANDARD_OUTPUT = "-"
"""As OUT it stands for what is used without one."""

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """What was given on the command line, one field for each parameter."""

    inputs: tuple[str, ...]
    files_from: str | None
    recursive: bool
    out: str | None
    formats: tuple[str, ...]
    segments: bool
    merge_consecutive: bool
    top_k: int
    threshold: float
    model: str
    window_s: float | None
    hop_s: float | None
    device: Device
    workers: int | None
    engine: Engine
    ray_address: str
    resume: bool
    retry_failed: bool
    fail_fast: bool
    write_tags: bool
    dry_run: bool
    overwrite: bool
    genre_map: Path | None
    quiet: bool
    verbose: bool

    @property
    def output(self) -> Path | None:
        """OUT, None for standard output."""
        return None if self.out is None or self.out == STANDARD_OUTPUT else Path(self.out)

    @property
    def reads_a_list(self) -> bool:
        """Whether paths come from a list, which can be read only once."""
        return self.files_from is not None or STANDARD_INPUT in self.inputs


class _Formats(click.ParamType[tuple[str, ...]]):
    """Names of formats between commas."""

    name = "formats"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(name.strip() for name in value.split(",")))
        for name in names:
            if name not in FORMATS:
                self.fail(f"{name!r} is not one of {', '.join(FORMATS)}", param, ctx)
        return names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        taken = before.split(",")
        return [
            CompletionItem(before + comma + name) for name in FORMATS if name.startswith(last) and name not in taken
        ]


_INPUT = [
    click.argument("inputs", nargs=-1, metavar="INPUT...", type=click.Path()),
    click.option(
        "--files-from", type=click.Path(), metavar="LIST", help="Take paths from this list too, one a line; - is stdin."
    ),
    click.option("-r", "--recursive", is_flag=True, help="Look in sub-folders too."),
]
_OUTPUT = [
    click.option(
        "-o",
        "--output",
        "out",
        type=click.Path(),
        metavar="OUT",
        help="Write to this file, or folder; - is stdout.",
    ),
    click.option(
        "--format",
        "formats",
        type=_Formats(),
        default=(),
        metavar="FORMAT[,...]",
        help=f"What to write: {', '.join(FORMATS)}. Without it: what OUT's ending says, a table on a terminal, "
        "jsonl elsewhere.",
    ),
    click.option("--segments", is_flag=True, help="Add the answer for each window of a few seconds."),
    click.option("--merge-consecutive", is_flag=True, help="Windows in a row with the same best label become one."),
    click.option(
        "--top-k", type=click.IntRange(min=1), default=5, show_default=True, help="Labels to give, best first."
    ),
    click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        default=0.0,
        show_default=True,
        help="Leave out labels scored lower, in tags and playlists too.",
    ),
]
_WORK = [
    click.option(
        "--model", default="genre", show_default=True, metavar="NAME|DIR", help="A bundled model or your own."
    ),
    click.option("--window", "window_s", type=float, metavar="SECONDS", help="Windows of another length."),
    click.option("--hop", "hop_s", type=float, metavar="SECONDS", help="Another distance from window to window."),
    click.option(
        "--device",
        type=click.Choice(get_args(Device)),
        default="auto",
        show_default=True,
        help="Where the network runs; auto takes an NVIDIA GPU if onnxruntime can use one.",
    ),
    click.option("--workers", type=click.IntRange(min=1), help="Files at work at once.  [default: one for each CPU]"),
    click.option(
        "--engine",
        type=click.Choice(get_args(Engine)),
        default="local",
        show_default=True,
        help="Work in this process, or on a Ray cluster (docs/scale.md).",
    ),
    click.option(
        "--ray-address",
        default="",
        metavar="HOST:PORT",
        help="With --engine ray: an existing cluster.  [default: a new one on this machine]",
    ),
]
_JOURNAL = [
    click.option(
        "--resume/--no-resume",
        default=True,
        show_default=True,
        help="Keep what OUT.journal says of files that have not changed, or begin anew.",
    ),
    click.option("--retry-failed", is_flag=True, help="Try files again that failed in an earlier run."),
    click.option("--fail-fast", is_flag=True, help="Stop at the first file that fails."),
]
_TAGS = [
    click.option("--write-tags", is_flag=True, help="Write the labels as genres into the tags of the recordings."),
    click.option("--dry-run", is_flag=True, help="With --write-tags: only say what would be written."),
    click.option("--overwrite", is_flag=True, help="With --write-tags: replace genres that are there already."),
    click.option(
        "--genre-map",
        type=click.Path(path_type=Path),
        metavar="TABLE",
        help="Names for labels in tags and playlists: a .toml, .json or .csv file.",
    ),
]
_REPORT = [
    click.option("-q", "--quiet", is_flag=True, help="No progress and no summary, only results."),
    click.option("-v", "--verbose", is_flag=True, help="Say of each file that fails at once why."),
]


def options(command: Command) -> Command:
    """All parameters, in the order in which `--help` shows them."""
    for parameter in reversed([*_INPUT, *_OUTPUT, *_WORK, *_JOURNAL, *_TAGS, *_REPORT]):
        command = parameter(command)
    return command
