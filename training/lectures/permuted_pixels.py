"""Shuffled pixels: an MLP learns them as well as before, a convolutional network does not.

    python -m training.lectures.permuted_pixels --mnist PATH/TO/mnist
    python -m training.lectures.permuted_pixels                  # 2,000 drawn digits, ten seconds

The pixels of all images are moved in the same way, so nothing is lost: whoever knows the order can move them back. The
MLP has a weight of its own for each pixel and never knew which of them are neighbours. A convolution looks at
neighbours only, and shuffled neighbours have nothing to do with each other.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audiocnn import models
from audiocnn.errors import AudioCnnError
from training.lectures.digits import SIZE, Digits, draw_digits, read_mnist

NETWORKS = ("mlp", "mnist-cnn")
BATCH = 64
LEARNING_RATE = 2e-3


def shuffled(digits: Digits, seed: int) -> Digits:
    """The same images with their pixels in another order, the same one for all images and every set."""
    order = torch.randperm(SIZE * SIZE, generator=torch.Generator().manual_seed(seed))
    return digits._replace(images=digits.images.flatten(1)[:, order].reshape(digits.images.shape))


def train_network(name: str, digits: Digits, epochs: int, seed: int) -> nn.Module:
    """A registered network, trained by Adam on the images as they are."""
    torch.manual_seed(seed)
    network = models.build(name, 10)
    optimiser = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    network.train()
    for _ in range(epochs):
        for images, labels in _batches(digits):
            loss = F.cross_entropy(network(images), labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return network.eval()


def error(network: nn.Module, digits: Digits) -> float:
    """The share of images that `network` takes for another digit."""
    with torch.inference_mode():
        answers = torch.cat([network(images).argmax(1) for images in torch.split(digits.images, 1000)])
    return float((answers != digits.labels).float().mean())


def compare(train: Digits, test: Digits, epochs: int, seed: int) -> Iterator[tuple[str, float, float]]:
    """For each network its name, its test error on the images as they are, and on shuffled ones."""
    shuffled_train, shuffled_test = shuffled(train, seed), shuffled(test, seed)
    for name in NETWORKS:
        plain = error(train_network(name, train, epochs, seed), test)
        permuted = error(train_network(name, shuffled_train, epochs, seed), shuffled_test)
        yield name, plain, permuted


def _batches(digits: Digits) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(digits.labels))
    for rows in torch.split(order[: len(order) - len(order) % BATCH], BATCH):
        yield digits.images[rows], digits.labels[rows]


@click.command(help=__doc__.split("\n")[0])
@click.option("--mnist", type=click.Path(file_okay=False, path_type=Path), help="Folder with MNIST's four idx files.")
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Trainings of each network.")
def main(mnist: Path | None, epochs: int, seeds: int) -> None:
    """Print a table of test errors, a row for each network and seed."""
    try:
        if mnist is None:
            train, test = draw_digits(2000, seed=0), draw_digits(2000, seed=1)
        else:
            train, test = read_mnist(mnist, "train"), read_mnist(mnist, "t10k")
    except AudioCnnError as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo("| network | seed | test error | with shuffled pixels |\n|---|---|---|---|")
    for seed in range(seeds):
        for name, plain, permuted in compare(train, test, epochs, seed):
            click.echo(f"| {name} | {seed} | {plain:.2%} | {permuted:.2%} |")


if __name__ == "__main__":
    main()
