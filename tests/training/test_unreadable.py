"""Files that cannot be decoded, where models are measured."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from training.cli import commands
from training.config import Config
from training.crossval import cross_validate
from training.data.manifest import Clip
from training.evaluate import answer


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Labels of the bundled genre model; the second file is broken."""
    random = np.random.default_rng(0)
    for label in ("rock", "pop", "classical"):
        (tmp_path / label).mkdir()
        soundfile.write(tmp_path / label / "a.wav", 0.1 * random.standard_normal(8000), 8000)
    (tmp_path / "pop" / "a.wav").write_bytes(b"RIFF no more")
    return [Clip(tmp_path / label / "a.wav", (label,)) for label in ("rock", "pop", "classical")]


def test_they_are_left_out_and_named_up_to_a_share(
    clips: list[Clip], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answered, spec = answer("genre", clips, tmp_path, max_unreadable=0.34)
    assert answered.clips == ["rock/a.wav", "classical/a.wav"]
    assert [spec.task.labels[row.argmax()] for row in answered.targets[""]] == ["rock", "classical"]
    assert f"1 of 3 clips cannot be decoded and are left out: {clips[1].path}: " in caplog.text
    with pytest.raises(ConfigError, match=r"1 of 3 clips cannot be decoded, more than data.max_unreadable = 0\.33"):
        answer("genre", clips, tmp_path, max_unreadable=0.33)
    with pytest.raises(ConfigError, match="evaluation needs at least 1 clip"):
        answer("genre", clips[1:2], tmp_path, max_unreadable=1)


def test_labels_that_the_model_does_not_know_are_told_before_decoding(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="polka"):
        answer("genre", [*clips, replace(clips[0], labels=("polka",))], tmp_path)


TOML = """
name = "genres"
[input]
sample_rate = 16000
window = 16000
hop = 16000
[model]
architecture = "m5"
[data]
max_unreadable = 0.5
"""


@pytest.mark.usefixtures("clips")
def test_evaluate_takes_the_share_from_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "genres.toml").write_text(TOML)
    done = CliRunner().invoke(commands, ["evaluate", str(tmp_path / "genres.toml"), "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert np.sum(json.loads(done.stdout)["confusion"]) == 2


def test_a_cross_validation_leaves_them_out_of_training_and_test(
    with_train: Callable[..., Config], data: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(data, tmp_path / "data")
    with (root / "clips.csv").open("a", newline="") as file:
        csv.writer(file).writerows([["low/bad.wav", "low", 0, "nobody"], ["high/bad.wav", "high", 1, "somebody"]])
    for label in ("high", "low"):
        (root / label / "bad.wav").write_bytes(b"RIFF no more, " + label.encode())
    config = with_train(epochs=1)
    config = replace(config, data=replace(config.data, max_unreadable=0.2))
    results = cross_validate(
        config, root, tmp_path / "run", tmp_path / "cache", seeds=[0], folds=["0"], jobs=1, device="cpu"
    )
    assert len(results["clips"]) == 8
    assert "low/bad.wav" not in {row["clip"] for row in results["clips"]}
