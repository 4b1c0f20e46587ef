"""A corpus folder is complete or not there at all."""

import csv
import re
from pathlib import Path

import pytest

from audiocnn.errors import ConfigError
from training.config import DataConfig
from training.corpora.audio import place
from training.corpora.folder import CorpusFolder, new_corpus
from training.data.manifest import read_clips


def fill(destination: Path) -> None:
    with new_corpus(destination) as corpus:
        for label in "ab":
            corpus.add(f"train/{label}.npy", label, split="train", licence="ours").write_bytes(b"x")


def test_the_manifest_is_one_that_training_reads(tmp_path: Path) -> None:
    fill(tmp_path / "deep" / "corpus")
    clips = read_clips(tmp_path / "deep" / "corpus", DataConfig(manifest="manifest.csv", split="split"))
    assert [(clip.path.name, clip.labels, clip.split) for clip in clips] == [
        ("a.npy", ("a",), "train"),
        ("b.npy", ("b",), "train"),
    ]


def test_all_columns_are_kept(tmp_path: Path) -> None:
    fill(tmp_path / "corpus")
    with (tmp_path / "corpus" / "manifest.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["path", "label", "split", "licence"],
            ["train/a.npy", "a", "train", "ours"],
            ["train/b.npy", "b", "train", "ours"],
        ]


@pytest.mark.parametrize("path", ["../outside.npy", "a/../../outside.npy", "{}/outside.npy"])
def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    path = path.format(tmp_path)
    with (
        pytest.raises(
            ConfigError, match=f"the corpus would have {re.escape(path)}, which leads out of its folder; mend"
        ),
        new_corpus(tmp_path / "corpus") as corpus,
    ):
        corpus.add(path, "a").write_bytes(b"x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("again", ["a/1.npy", "a//1.npy", "./a/1.npy"])
def test_a_path_that_is_there_already_is_refused(tmp_path: Path, again: str) -> None:
    corpus = CorpusFolder(tmp_path)
    corpus.add("a/1.npy", "a")
    with pytest.raises(ConfigError, match=rf"the corpus would have {again} twice; rename one of the two in the source"):
        corpus.add(again, "a")
    assert len(corpus.rows) == 1


def test_a_link_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    """Not even by writing through an earlier link into its source."""
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    place(tmp_path / "one", tmp_path / "linked", link=True)
    with pytest.raises(FileExistsError):
        place(tmp_path / "two", tmp_path / "linked", link=True)
    assert (tmp_path / "one").read_text() == "one"


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(tmp_path: Path) -> None:
    destination = tmp_path / "corpus"
    destination.mkdir()
    fill(destination)
    (destination / "train" / "a.npy").write_bytes(b"precious")
    with pytest.raises(ConfigError, match="corpus is there already and is not overwritten; remove it or name a new"):
        fill(destination)
    assert (destination / "train" / "a.npy").read_bytes() == b"precious"


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("precious")
    with pytest.raises(ConfigError, match="is there already"):
        fill(tmp_path / "corpus")
    assert (tmp_path / "corpus").read_text() == "precious"


@pytest.mark.parametrize("reason", [KeyboardInterrupt(), ConfigError("the source is damaged")])
def test_what_stops_half_way_leaves_nothing(tmp_path: Path, reason: BaseException) -> None:
    def stop() -> None:
        with new_corpus(tmp_path / "corpus") as corpus:
            corpus.add("a.npy", "a").write_bytes(b"x")
            assert any(tmp_path.iterdir())
            raise reason

    with pytest.raises(type(reason)):
        stop()
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot write the corpus .*corpus: .*file.* Not a directory; make room or"):
        fill(tmp_path / "file" / "corpus")
