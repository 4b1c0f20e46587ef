"""The command that makes a model of 8-bit numbers."""

from pathlib import Path

import click

from training.cli.options import FOLDER, common, data_folder
from training.config import load_config


@click.command("quantize")
@common
@click.option("--model", type=FOLDER, required=True, help="The model directory to quantise.")
@click.option("--output", type=FOLDER, required=True, help="The new model directory.")
@click.option(
    "--calibrate",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="How many clips of its training tell the ranges of numbers.",
)
def quantize_command(
    config: Path, data: Path | None, overrides: tuple[str, ...], model: Path, output: Path, calibrate: int
) -> None:
    """A model in 8-bit numbers, if it is faster and as good.

    Measured are both on the clips that the model was not trained on: its validation clips and its test fold. Nothing is
    written if it loses more than 0.5 points of accuracy, or is not faster on this machine.
    """
    from training.quantize import quantize  # onnxruntime's quantisation takes a second to import

    settings = load_config(config, overrides)
    gate = quantize(settings, data_folder(data, settings, config), model, output, calibrate)
    click.echo(f"quantised: {output}\n{gate}")
