"""AdrenalMNIST3D from npz files, tiny ones and, where they are, the real ones."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from training.cli.corpus import corpus
from training.corpora.adrenalmnist3d import convert

Rows = Callable[[Path], list[dict[str, str]]]

COUNTS = {"train": 5, "val": 2, "test": 3}


def arrays(size: int = 28) -> dict[str, Any]:
    random = np.random.default_rng(0)
    made: dict[str, Any] = {}
    for split, count in COUNTS.items():
        made[f"{split}_images"] = random.integers(0, 2, (count, size, size, size), np.uint8) * np.uint8(255)
        made[f"{split}_labels"] = (np.arange(count, dtype=np.uint8) % 2)[:, None]
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    np.savez_compressed(folder / "adrenalmnist3d.npz", **arrays())
    return folder


def test_every_volume_is_a_file_with_its_label_and_split(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    convert(source, tmp_path / "adrenal")
    rows = rows_of(tmp_path / "adrenal")
    assert [row["split"] for row in rows] == ["train"] * 5 + ["validation"] * 2 + ["test"] * 3
    assert [row["label"] for row in rows[:3]] == ["normal", "hyperplasia", "normal"]
    made = arrays()
    expected = np.concatenate([made[f"{split}_images"] for split in COUNTS])
    for row, volume in zip(rows, expected, strict=True):
        written = np.load(tmp_path / "adrenal" / row["path"])
        assert written.dtype == np.uint8
        np.testing.assert_array_equal(written, volume)


def test_size_chooses_the_file(source: Path, tmp_path: Path) -> None:
    np.savez_compressed(source / "adrenalmnist3d_64.npz", **arrays(64))
    command = ["adrenalmnist3d", str(source), str(tmp_path / "adrenal"), "--size", "64"]
    answer = CliRunner().invoke(corpus, command)
    assert answer.exit_code == 0, answer.output
    assert np.load(tmp_path / "adrenal" / "test" / "normal" / "0002.npy").shape == (64, 64, 64)
    with pytest.raises(ConfigError, match="size must be one of 28, 64, got 32"):
        convert(source, tmp_path / "other", size=32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_labels": None}, "has no array val_labels; it has train_images, train_labels, val_images"),
        ({"train_images": arrays(27)["train_images"]}, r"uint8 of shape \(5, 27, 27, 27\); expected uint8 of shape"),
        ({"train_images": arrays()["train_images"] / 255}, "train_images in .* is float64 of shape"),
        ({"test_labels": np.array([[0], [1], [2]])}, "test_labels in .* must be 3 rows of one 0 or 1"),
        ({"test_labels": np.array([[0], [1]])}, "test_labels in .* must be 3 rows"),
        ({"val_images": np.array([{}, {}], dtype=object)}, "is damaged or cut short"),
    ],
)
def test_a_wrong_array_is_named_and_nothing_written(
    source: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    kept = {name: array for name, array in (arrays() | changes).items() if array is not None}
    np.savez_compressed(source / "adrenalmnist3d.npz", **kept)
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "adrenal")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["source"]


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_file_cut_short_is_named(source: Path, tmp_path: Path, keep: float) -> None:
    path = source / "adrenalmnist3d.npz"
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep >= 1 else keep * len(content))])
    with pytest.raises(ConfigError, match=r"adrenalmnist3d\.npz is damaged or cut short; fetch it again"):
        convert(source, tmp_path / "adrenal")


def test_a_single_array_is_no_corpus(source: Path, tmp_path: Path) -> None:
    with (source / "adrenalmnist3d.npz").open("wb") as file:
        np.save(file, arrays()["val_images"])
    with pytest.raises(ConfigError, match="is damaged or cut short"):
        convert(source, tmp_path / "adrenal")


@pytest.mark.parametrize("position", [70, 5000])
def test_damage_is_found(source: Path, tmp_path: Path, position: int) -> None:
    path = source / "adrenalmnist3d.npz"
    content = bytearray(path.read_bytes())
    content[position : position + 10] = b"\xff" * 10  # the first array's data begin at byte 66
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged or cut short"):
        convert(source, tmp_path / "adrenal")


def test_the_missing_file_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"adrenalmnist3d_64\.npz does not exist; .* the folder has adrenalmnist3d\.npz"
    ):
        convert(source, tmp_path / "adrenal", size=64)


@pytest.mark.slow
@pytest.mark.parametrize("size", [28, 64])
def test_the_real_files(tmp_path: Path, size: int, rows_of: Rows, real: Callable[[str], Path]) -> None:
    convert(real("adrenalmnist3d"), tmp_path / "adrenal", size=size)
    rows = rows_of(tmp_path / "adrenal")
    assert Counter(row["split"] for row in rows) == {"train": 1188, "validation": 98, "test": 298}
    assert Counter(row["label"] for row in rows if row["split"] == "test") == {"normal": 229, "hyperplasia": 69}
