"""Shuffled pixels: an MLP learns them as well as before, a convolutional network does not.

    python -m training.lectures.permuted_pixels --mnist PATH/TO/mnist
    python -m training.lectures.permuted_pixels                  # 2,000 drawn digits, ten seconds
    python -m training.lectures.permuted_pixels --mnist PATH/TO/mnist --epochs 2 --keep service/lectures/networks

The pixels of all images are moved in the same way, so nothing is lost: whoever knows the order can move them back. The
MLP has a weight of its own for each pixel and never knew which of them are neighbours. A convolution looks at
neighbours only, and shuffled neighbours have nothing to do with each other.
"""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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


def order_of(seed: int) -> Tensor:
    """Where each pixel of a shuffled image comes from."""
    return torch.randperm(SIZE * SIZE, generator=torch.Generator().manual_seed(seed))


def shuffled(digits: Digits, seed: int) -> Digits:
    """The same images with their pixels in another order, the same one for all images and every set."""
    return digits._replace(images=digits.images.flatten(1)[:, order_of(seed)].reshape(digits.images.shape))


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


class Compared(NamedTuple):
    """A network trained on images as they are, and one trained on shuffled ones, with their test errors."""

    name: str
    plain: nn.Module
    plain_error: float
    permuted: nn.Module
    permuted_error: float


def compare(train: Digits, test: Digits, epochs: int, seed: int) -> Iterator[Compared]:
    """Each network, trained twice."""
    shuffled_train, shuffled_test = shuffled(train, seed), shuffled(test, seed)
    for name in NETWORKS:
        plain = train_network(name, train, epochs, seed)
        permuted = train_network(name, shuffled_train, epochs, seed)
        yield Compared(name, plain, error(plain, test), permuted, error(permuted, shuffled_test))


def write_graph(network: nn.Module, path: Path) -> None:
    """Logits `(1, 10)` of `x` `(1, 1, 28, 28)`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older of two exporters says so
        torch.onnx.export(
            network, (torch.zeros(1, 1, SIZE, SIZE),), path, dynamo=False, input_names=["x"], output_names=["out"],
            opset_version=18,
        )  # fmt: skip


def _batches(digits: Digits) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(digits.labels))
    for rows in torch.split(order[: len(order) - len(order) % BATCH], BATCH):
        yield digits.images[rows], digits.labels[rows]


@click.command(help=__doc__.split("\n")[0])
@click.option("--mnist", type=click.Path(file_okay=False, path_type=Path), help="Folder with MNIST's four idx files.")
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Trainings of each network.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Folder for the networks of the first seed as ONNX, and the order of the pixels.",
)
def main(mnist: Path | None, epochs: int, seeds: int, keep: Path | None) -> None:
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
        for found in compare(train, test, epochs, seed):
            click.echo(f"| {found.name} | {seed} | {found.plain_error:.2%} | {found.permuted_error:.2%} |")
            if keep is not None and seed == 0:
                write_graph(found.plain, keep / f"{found.name}.onnx")
                write_graph(found.permuted, keep / f"{found.name}-shuffled.onnx")
    if keep is not None:
        (keep / "order.json").write_text(f"{json.dumps(order_of(0).tolist())}\n")


if __name__ == "__main__":
    main()
