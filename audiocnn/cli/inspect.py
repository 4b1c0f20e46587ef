"""`audiocnn inspect`: what each layer of a model is, hears and answers."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audiocnn.cli.stderr import without_codec_noise
from audiocnn.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from audiocnn.insight.report import Report


@click.command(short_help="Show the layers, filters and activations of a model.")
@click.argument("model", metavar="MODEL")
@click.option(
    "--input",
    "input_shape",
    metavar="SHAPE",
    help="Input of the layer table, as in 16000, 28x28 or 3x224x224.  [default: the model's own]",
)
@click.option("--outputs", type=click.IntRange(min=1), metavar="N", help="Outputs of an architecture.  [default: 10]")
@click.option(
    "--file", "source", type=click.Path(path_type=Path), metavar="FILE", help="Show what the model makes of this file."
)
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="A layer to map FILE at; can be repeated.")
@click.option("--hop", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="From window to window.")
@click.option(
    "--format", "format_name", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="What to print.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write plots and inspect.json there.",
)
def inspect(
    model: str,
    input_shape: str | None,
    outputs: int | None,
    source: Path | None,
    layers: tuple[str, ...],
    hop: float | None,
    format_name: str,
    output: Path | None,
) -> None:
    """Look inside MODEL: a bundled model, the directory of a trained one, or an architecture with random weights.

    Prints output shape, weights, multiply-adds and receptive field of every layer. With --file, also the scores and
    when each class was most active; DIR then gets the curves over time, or heat maps over the picture.

    Needs torch: pip install 'audiocnn[train]'. Plots need matplotlib: pip install 'audiocnn[plots]'.

    \b
    Examples:
      audiocnn inspect genre
      audiocnn inspect genre --file song.wav --hop 0.5 -o look
      audiocnn inspect alexnet --outputs 1000
      audiocnn inspect m5 --input 16000 --format json | jq .totals
    """
    try:
        from audiocnn.insight.report import inspect_model
        from audiocnn.insight.subject import parse_shape
    except ImportError as error:
        raise MissingExtraError("inspect needs torch: pip install 'audiocnn[train]'") from error
    if source is None and (layers or hop):
        raise ConfigError("--layer and --hop are about a file; name one with --file")
    with without_codec_noise():
        report = inspect_model(
            model,
            shape=parse_shape(input_shape) if input_shape else (),
            num_outputs=outputs,
            source=source,
            layers=layers,
            hop_s=hop,
        )
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            drawn = _write_plots(report, output)
            (output / "inspect.json").write_text(json.dumps(report.to_json()) + "\n")
            click.echo(f"wrote {', '.join(drawn)} and inspect.json to {output}", err=True)
    if format_name == "json":
        click.echo(json.dumps(report.to_json()))
        return
    from rich.console import Console

    from audiocnn.cli.insight_tables import print_report

    # A pipe has no width of its own, and folded rows are of no use behind it.
    print_report(Console(width=None if sys.stdout.isatty() else 160), report)


def _write_plots(report: "Report", folder: Path) -> list[str]:
    try:
        from audiocnn.plots.figure import write_png
        from audiocnn.plots.inspection import draw_report
    except ImportError as error:
        raise MissingExtraError("plots need matplotlib: pip install 'audiocnn[plots]'") from error
    figures = draw_report(report)
    for name, figure in figures.items():
        write_png(figure, folder / f"{name}.png")
    return [f"{name}.png" for name in figures]
