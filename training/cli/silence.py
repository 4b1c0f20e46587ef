"""The command that trains the silence detector and measures it."""

from pathlib import Path

import click
import torch

from training.cli.options import FOLDER, seeds_option
from training.recordings import CORPORA
from training.silence.run import table, train_and_measure


@click.command("silence")
@click.option("--data", type=FOLDER, required=True, help="Holds a folder for each corpus.")
@click.option("--corpora", default="fsdd,esc10", show_default=True, help=f"Some of {','.join(CORPORA)}.")
@click.option("--music", type=click.IntRange(0), default=600, show_default=True, help="Computed pieces to train with.")
@click.option("--run", type=FOLDER, default=Path("runs/silence"), show_default=True, help="Where the models go.")
@seeds_option("0,1,2")
@click.option("--steps", type=click.IntRange(1), default=2000, show_default=True, help="Of 16 windows.")
@click.option("--windows", type=click.IntRange(1), default=300, show_default=True, help="Of 4 s, to test on.")
@click.option("--licence", default="unspecified", show_default=True, help="Of the weights, as the model reports it.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads.")
def silence_command(
    data: Path,
    corpora: str,
    music: int,
    run: Path,
    seeds: list[int],
    steps: int,
    windows: int,
    licence: str,
    threads: int,
) -> None:
    """Train the silence detector and measure it against level thresholds.

    Prints a table and writes silence.json; the models lie in seed-0/model and so on.
    """
    torch.set_num_threads(threads)
    results = train_and_measure(
        data,
        run,
        corpora=corpora.split(","),
        music=music,
        seeds=seeds,
        steps=steps,
        windows=windows,
        licence=licence,
    )
    click.echo("\n".join(table(results)))
