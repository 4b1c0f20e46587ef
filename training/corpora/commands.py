"""`python -m training corpus NAME`: a command for each corpus.

Modules are imported by the commands, so that each needs only the packages of its own medium.
"""

from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)

_source = click.argument("source", type=FOLDER)
_destination = click.argument("destination", type=FOLDER)


@click.group()
def corpus() -> None:
    """Turn a published corpus into a folder of files with manifest.csv.

    SOURCE is the folder with the corpus as its authors ship it, DESTINATION a new folder. Licences and traps are in
    docs/data.md.
    """


def _written(destination: Path, summary: str) -> None:
    click.echo(f"written: {destination}: {summary}")


@corpus.command("mnist")
@_source
@_destination
@click.option("--validation", type=click.IntRange(0), default=5000, show_default=True, help="Held out of training.")
def mnist_command(source: Path, destination: Path, validation: int) -> None:
    """MNIST, handwritten digits: PNG files from the four idx files."""
    from training.corpora import mnist

    _written(destination, mnist.convert(source, destination, validation=validation))


@corpus.command("adrenalmnist3d")
@_source
@_destination
@click.option("--size", type=click.Choice(["28", "64"]), default="28", show_default=True, help="Voxels a side.")
def adrenalmnist3d_command(source: Path, destination: Path, size: str) -> None:
    """AdrenalMNIST3D, shapes of glands: NumPy volumes from the npz files."""
    from training.corpora import adrenalmnist3d

    _written(destination, adrenalmnist3d.convert(source, destination, size=int(size)))
