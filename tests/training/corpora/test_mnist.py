"""MNIST from idx files, tiny ones and, where they are, the real ones."""

import gzip
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from audiocnn.errors import ConfigError
from training.cli.corpus import corpus
from training.corpora.mnist import convert

Rows = Callable[[Path], list[dict[str, str]]]


def packed(data: bytes) -> bytes:
    """As gzip packs it, but for the time: tests are named after it, the same in all processes of a run."""
    return gzip.compress(data, mtime=0)


IMAGES = {
    "train": np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8),
    "t10k": np.random.default_rng(1).integers(0, 256, (5, 28, 28), np.uint8),
}


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def labels_of(count: int) -> NDArray[np.uint8]:
    return (np.arange(count) * 7 % 10).astype(np.uint8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for prefix, images in IMAGES.items():
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(packed(idx(images)))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(packed(idx(labels_of(len(images)))))
    return folder


def test_every_image_is_a_png_with_its_label_and_split(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    summary = convert(source, tmp_path / "mnist", validation=3)
    rows = rows_of(tmp_path / "mnist")
    assert len(rows) == 17
    assert [row["split"] for row in rows] == ["train"] * 9 + ["validation"] * 3 + ["test"] * 5
    assert [row["label"] for row in rows] == [str(i * 7 % 10) for i in (*range(12), *range(5))]
    assert rows[4]["path"] == "train/8/00004.png"
    for row, expected in zip(rows, np.concatenate([IMAGES["train"], IMAGES["t10k"]]), strict=True):
        with Image.open(tmp_path / "mnist" / row["path"]) as image:
            assert (image.mode, image.format) == ("L", "PNG")
            np.testing.assert_array_equal(np.asarray(image), expected)
    assert summary.startswith("17 files; test 5, train 9, validation 3; 0 3, 1 2,")


def test_validation_may_be_empty_and_not_everything(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    convert(source, tmp_path / "all", validation=0)
    assert Counter(row["split"] for row in rows_of(tmp_path / "all")) == {"train": 12, "test": 5}
    with pytest.raises(ConfigError, match="validation must be from 0 to below the 12 training images, got 12"):
        convert(source, tmp_path / "none", validation=12)


LABELS = "train-labels-idx1-ubyte.gz"
PIXELS = "train-images-idx3-ubyte.gz"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (PIXELS, packed(idx(IMAGES["train"]))[:-500], f"{PIXELS} is damaged or cut short; fetch it again"),
        (PIXELS, packed(idx(IMAGES["train"])[:-1]), "promises 9408 bytes of data.*12, 28, 28.* only 9407"),
        (PIXELS, packed(idx(IMAGES["train"]) + b"x"), "promises 9408 bytes of data.* and holds more"),
        (PIXELS, idx(IMAGES["train"]), f"{PIXELS} is damaged"),
        (PIXELS, b"", f"{PIXELS} begins with nothing"),
        (PIXELS, packed(b"\0\0\x08\x03\0\0"), f"{PIXELS} is damaged or cut short"),
        (PIXELS, packed(struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 2**31, 4)), "promises an array of shape"),
        (PIXELS, packed(idx(np.empty((0, 28, 28), np.uint8))), r"promises an array of shape \(0, 28, 28\)"),
        (PIXELS, packed(b"\0\0\x0d\x03" + bytes(12)), "begins with 00 00 0d 03; expected 00 00 08 03, an idx"),
        (LABELS, packed(idx(IMAGES["train"])), "begins with 00 00 08 03; expected 00 00 08 01"),
        (LABELS, packed(idx(labels_of(11))), f"{PIXELS} has 12 images and .*{LABELS} 11 labels"),
        (LABELS, packed(idx(np.full(12, 10, np.uint8))), f"{LABELS} has the label 10; expected digits"),
    ],
)
def test_a_wrong_file_is_named_and_nothing_written(
    source: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (source / name).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "mnist", validation=3)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["source"]


@pytest.mark.parametrize("position", [10, 5000])
def test_a_damaged_byte_is_found(source: Path, tmp_path: Path, position: int) -> None:
    content = bytearray((source / PIXELS).read_bytes())
    content[position] ^= 0x06  # behind the 10 bytes of gzip's header: a kind of block that does not exist
    (source / PIXELS).write_bytes(content)
    with pytest.raises(ConfigError, match=f"{PIXELS} is damaged"):
        convert(source, tmp_path / "mnist", validation=3)


def test_what_is_missing_is_named(source: Path, tmp_path: Path) -> None:
    (source / LABELS).unlink()
    with pytest.raises(
        ConfigError, match=f"{LABELS} does not exist; expected train-images.*the folder has t10k-images"
    ):
        convert(source, tmp_path / "mnist")
    with pytest.raises(ConfigError, match=r"nowhere is not a folder; expected one with train-images"):
        convert(tmp_path / "nowhere", tmp_path / "mnist")


def test_the_command_says_what_it_wrote(source: Path, tmp_path: Path) -> None:
    answer = CliRunner().invoke(corpus, ["mnist", str(source), str(tmp_path / "mnist"), "--validation", "2"])
    assert answer.exit_code == 0, answer.output
    assert f"written: {tmp_path / 'mnist'}: 17 files; test 5, train 10, validation 2" in answer.stdout


@pytest.mark.slow
def test_the_real_files(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]) -> None:
    convert(real("mnist"), tmp_path / "mnist")
    rows = rows_of(tmp_path / "mnist")
    assert Counter(row["split"] for row in rows) == {"train": 55000, "validation": 5000, "test": 10000}
    # Counts as published on the corpus's page.
    assert Counter(row["label"] for row in rows if row["split"] == "test")["1"] == 1135
    assert Counter(row["label"] for row in rows if row["path"].startswith("train/"))["5"] == 5421
