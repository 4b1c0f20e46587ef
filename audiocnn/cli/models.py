"""`audiocnn models`: what `--model` can be."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import click


@click.command(short_help="List the bundled models.")
def models() -> None:
    """List the bundled models: labels, input, size, licence and measured quality.

    With torch installed, also the architectures that can be trained.
    """
    from audiocnn import pretrained

    click.echo("\n\n".join(_described(pretrained.resolve(name)) for name in pretrained.names()))
    if find_spec("torch") is not None:
        click.echo("\n" + "\n  ".join(["architectures for training", *_architectures()]))


def _described(directory: Path) -> str:
    from audiocnn.checkpoint import ONNX, read_spec

    spec = read_spec(directory)
    lines = [
        f"{spec.name} {spec.version} ({spec.architecture}, {(directory / ONNX).stat().st_size / 1e6:.1f} MB)",
        f"labels: {spec.task.summary}",
        *(f"{name}: {task.summary}" for name, task in spec.side_tasks.items()),
        f"input: {spec.input.summary}",
        f"licence: {spec.licence}",
    ]
    lines += [f"{name}: {_one_line(value)}" for name, value in spec.metrics.items()]
    return "\n  ".join(lines)


def _architectures() -> list[str]:
    from audiocnn.models import architecture, names
    from audiocnn.nn.ndim import Ndim

    inputs: dict[Ndim, str] = {1: "sound", 2: "images", 3: "video and volumes"}
    lines = [f"{kind}: {', '.join(names(ndim))}" for ndim, kind in inputs.items() if names(ndim)]
    flexible = [name for name in names() if architecture(name).any_ndim]
    return [*lines, f"over other axes with the argument ndim: {', '.join(flexible)}"] if flexible else lines


def _one_line(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_one_line(inner)}" for name, inner in value.items())
    return str(value)
