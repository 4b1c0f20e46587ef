"""The MLP does not know the order of its inputs, a convolutional network does."""

import gzip
import json
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from audiocnn import models
from audiocnn.inference.onnx_backend import open_session
from training.lectures.digits import Digits, draw_digits, read_mnist
from training.lectures.permuted_pixels import compare, error, main, shuffled, train_network, write_graph

FOLDER = Path(__file__).parents[2] / "service" / "lectures" / "networks"


@pytest.fixture(scope="module")
def drawn():
    return draw_digits(512, seed=0), draw_digits(500, seed=1)


def test_drawn_digits_are_all_ten_and_no_two_alike(drawn):
    images, labels = drawn[0]
    assert images.shape == (512, 1, 28, 28)
    assert images.min() == 0
    assert 0.5 < images.max() <= 1
    assert set(labels.tolist()) == set(range(10))
    assert len(images.flatten(1).unique(dim=0)) == 512
    assert torch.equal(images, draw_digits(512, seed=0).images)


def test_shuffling_moves_the_pixels_of_all_images_alike_and_loses_none(drawn):
    train, test = drawn
    numbered = train._replace(images=torch.arange(784.0).reshape(1, 1, 28, 28))
    order = shuffled(numbered, seed=3).images.flatten().long()
    assert sorted(order.tolist()) == list(range(784)) != order.tolist()
    for digits in (train, test):
        assert torch.equal(shuffled(digits, seed=3).images.flatten(1), digits.images.flatten(1)[:, order])
    assert not torch.equal(shuffled(numbered, seed=4).images.flatten().long(), order)


def test_an_mlp_whose_weights_are_moved_along_learns_the_very_same(drawn):
    """So no order of the pixels is better than another: every MLP on shuffled images has a twin on plain ones."""
    train, test = drawn
    order = shuffled(train._replace(images=torch.arange(784.0).reshape(1, 1, 28, 28)), seed=3).images.flatten().long()
    torch.manual_seed(0)
    plain = models.build("mlp", 10)
    twin = models.build("mlp", 10)
    twin.load_state_dict({**plain.state_dict(), "hidden.weight": plain.hidden.weight[:, order]})
    for network, digits in ((plain, train), (twin, shuffled(train, seed=3))):
        optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
        for images, labels in zip(digits.images.split(64), digits.labels.split(64), strict=True):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimiser.step()
    torch.testing.assert_close(twin(shuffled(test, seed=3).images), plain(test.images), atol=1e-4, rtol=1e-4)
    assert (twin(test.images) - plain(test.images)).abs().max() > 0.1


def test_the_cnn_learns_shuffled_digits_much_worse(drawn):
    train, test = drawn
    plain = error(train_network("mnist-cnn", train, epochs=4, seed=0), test)
    permuted = error(train_network("mnist-cnn", shuffled(train, seed=0), epochs=4, seed=0), shuffled(test, seed=0))
    assert plain < 0.05
    assert permuted > 0.15


def test_the_error_is_the_share_of_wrong_answers():
    digits = draw_digits(40, seed=0)
    digits = digits._replace(labels=torch.tensor([0] * 30 + [7] * 10))
    assert error(_AlwaysSeven(), digits) == 0.75


class _AlwaysSeven(nn.Module):
    def forward(self, images):
        return torch.eye(10)[7].expand(len(images), 10)


def test_a_folder_without_mnist_is_refused_in_a_sentence(tmp_path):
    run = CliRunner().invoke(main, ["--mnist", str(tmp_path)])
    assert run.exit_code == 1
    assert run.stderr.startswith("Error: ")
    assert "train-images-idx3-ubyte.gz" in run.stderr
    assert run.stdout == ""


@pytest.fixture
def idx_files(tmp_path):
    """A folder with a handful of drawn digits in the files and the format in which MNIST is published."""
    for prefix, count in (("train", 128), ("t10k", 20)):
        digits = draw_digits(count, seed=count)
        pixels = (digits.images * 255).byte().numpy().tobytes()
        for kind, header, body in (
            ("images-idx3", struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28), pixels),
            ("labels-idx1", struct.pack(">4BI", 0, 0, 8, 1, count), digits.labels.byte().numpy().tobytes()),
        ):
            (tmp_path / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + body))
    return tmp_path


def test_mnist_is_read_as_ink_from_0_to_1(idx_files):
    images, labels = read_mnist(idx_files, "t10k")
    drawn = draw_digits(20, seed=20)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images, (drawn.images * 255).floor() / 255)
    assert torch.equal(labels, drawn.labels)


def test_the_command_prints_a_row_for_each_network_and_seed(idx_files, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    run = CliRunner().invoke(main, ["--mnist", str(idx_files), "--epochs", "1", "--seeds", "2", "--keep", str(kept)])
    assert run.exit_code == 0
    rows = [re.fullmatch(r"\| (\S+) \| (\d) \| \d+\.00% \| \d+\.00% \|", row) for row in run.stdout.splitlines()[2:]]
    assert [row.groups() for row in rows] == [(name, seed) for seed in "01" for name in ("mlp", "mnist-cnn")]
    names = ["mlp-shuffled.onnx", "mlp.onnx", "mnist-cnn-shuffled.onnx", "mnist-cnn.onnx", "order.json"]
    assert sorted(path.name for path in kept.iterdir()) == names
    numbered = torch.arange(784.0).reshape(1, 1, 28, 28)
    of_the_page = FOLDER / "order.json"
    assert json.loads((kept / "order.json").read_text()) == json.loads(of_the_page.read_text())
    assert shuffled(Digits(numbered, torch.zeros(1)), 0).images.flatten().tolist() == json.loads(
        of_the_page.read_text()
    )


@pytest.mark.slow
def test_on_mnist():
    folder = Path(os.environ.get("AUDIOCNN_CORPORA", "corpora")) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"no MNIST in {folder}: set AUDIOCNN_CORPORA to the folder that holds the folder mnist")
    train, test = read_mnist(folder, "train"), read_mnist(folder, "t10k")
    assert (len(train.labels), len(test.labels)) == (60_000, 10_000)
    found = compare(train, test, epochs=2, seed=0)
    errors = {one.name: (one.plain_error, one.permuted_error) for one in found}
    assert abs(errors["mlp"][0] - errors["mlp"][1]) < 0.03
    assert errors["mnist-cnn"][0] < 0.025
    assert errors["mnist-cnn"][1] > 2 * errors["mnist-cnn"][0]


@pytest.mark.parametrize("name", ["mlp", "mnist-cnn"])
def test_what_is_kept_for_the_page_answers_as_the_network_does(drawn, tmp_path, name):
    digits = drawn[1]
    network = train_network(name, digits._replace(images=digits.images[:64], labels=digits.labels[:64]), 1, seed=0)
    write_graph(network, tmp_path / "kept.onnx")
    session = open_session(tmp_path / "kept.onnx")
    for image in digits.images[:3, None]:
        expected = network(image).detach().numpy()
        np.testing.assert_allclose(session.run(None, {"x": image.numpy()})[0], expected, rtol=1e-4, atol=1e-5)
