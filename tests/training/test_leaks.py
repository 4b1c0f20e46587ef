"""Leaks between the sides of a split are refused, before anything is trained."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from audiocnn.errors import ConfigError
from training.config import Config
from training.crossval import cross_validate
from training.data.leaks import refuse, shared_content, shared_groups
from training.data.manifest import Clip
from training.distributed import Process
from training.loop import train


def clip(name: str, group: str = "") -> Clip:
    return Clip(Path(name), ("a",), group=group)


def test_a_group_or_a_content_on_one_side_is_no_leak() -> None:
    sides = {"train": [clip("1", "x"), clip("2", "x"), clip("3")], "test": [clip("4", "y"), clip("5")]}
    assert shared_groups(sides) == []
    assert shared_content(sides, lambda clip: "" if clip.path.name in "35" else clip.group) == []


def test_leaks_name_all_clips_and_sides() -> None:
    sides = {"1": [clip("a", "x"), clip("b", "y")], "2": [clip("c", "x")], "3": [clip("d", "x"), clip("e", "z")]}
    (leak,) = shared_groups(sides)
    assert leak.group == "x"
    assert {side: [c.path.name for c in clips] for side, clips in leak.clips.items()} == {
        "1": ["a"],
        "2": ["c"],
        "3": ["d"],
    }
    (leak,) = shared_content(sides, lambda clip: "same" if clip.path.name in "be" else clip.path.name)
    assert leak.group == ""
    with pytest.raises(ConfigError, match=r"^b in 1 and e in 3 have the same content: .* take the copies out, or give"):
        refuse([leak])


def test_the_first_leaks_are_shown_and_the_others_counted() -> None:
    sides = {side: [clip(f"{side}{i}", f"group {i}") for i in range(5)] for side in ("train", "test")}
    with pytest.raises(ConfigError, match="group 'group 2' is in train and in test; and 2 more, which `python -m"):
        refuse(shared_groups(sides))


@pytest.fixture
def copied(data: Path, tmp_path: Path) -> Path:
    """The data set with a clip of fold 0 in fold 1 again, as another kind of file."""
    shutil.copytree(data, tmp_path / "data")
    with (tmp_path / "data" / "clips.csv").open("a", newline="") as file:
        csv.writer(file).writerow(["high/copy.wav", "high", 1, "somebody else"])
    # A comment behind the sound, as taggers write it: other bytes, the same samples.
    tagged = (data / "high" / "0.wav").read_bytes() + b"LIST\x0c\0\0\0INFOICMT\0\0\0\0"
    (tmp_path / "data" / "high" / "copy.wav").write_bytes(tagged)
    return tmp_path / "data"


def test_training_refuses_a_copy_with_other_tags(config: Config, copied: Path, tmp_path: Path) -> None:
    process = Process(0, 1, torch.device("cpu"))
    with pytest.raises(ConfigError, match=r"copy\.wav in train and .*0\.wav in test have the same content"):
        train(config, copied, tmp_path / "run", tmp_path / "cache", process, "0")
    assert not (tmp_path / "run").exists()
    allowed = replace(config, data=replace(config.data, allow_leaks=True), train=replace(config.train, epochs=1))
    assert train(allowed, copied, tmp_path / "run", tmp_path / "cache", process, "0").is_dir()


@pytest.mark.parametrize("kind", ["content", "group"])
def test_a_cross_validation_refuses_them_before_it_starts(
    config: Config, copied: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "group":
        config = replace(config, data=replace(config.data, group="label"))
    message = {"content": r"0\.wav in 0 and .*copy\.wav in 1 have", "group": "group 'high' is in 0 and in 1 and in 2"}
    with pytest.raises(ConfigError, match=message[kind]):
        cross_validate(config, copied, tmp_path / "run", tmp_path / "cache", seeds=[0], folds=[], jobs=1, device="cpu")
    assert not (tmp_path / "run").exists()
