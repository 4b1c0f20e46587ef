from pathlib import Path

import pytest

from audiocnn import models
from audiocnn.errors import ConfigError
from training.config import load_config

RECIPES = sorted((Path(__file__).parents[2] / "training" / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_names_a_known_architecture(path: Path) -> None:
    config = load_config(path)
    assert models.build(config.model.architecture, 4, config.model.arguments) is not None


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(text)
    return path


MINIMAL = """
name = "x"
[input]
sample_rate = 8000
window = 8000
hop = 4000
[model]
architecture = "m5"
"""


def test_lists_become_tuples_and_defaults_fill_in(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, MINIMAL + "[augment]\nnoise_db = [10.0, 20.0]\n"))
    assert config.augment.noise_db == (10.0, 20.0)
    assert config.train.batch_size == 32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "[train]\nepoch = 3\n", r"\[train\] has unknown keys epoch; known: batch_size"),
        (MINIMAL + "[train]\nepochs = 0\n", "train.epochs must be at least 1, got 0"),
        (MINIMAL + "[augment]\nnoise_db = [3.0]\n", r"noise_db must be \[\] or \[lowest, highest\], got \[3.0\]"),
        (MINIMAL + "[data]\nvalidation = 1.5\n", "validation must be a share from 0 to below 1, got 1.5"),
        (MINIMAL.replace('name = "x"', ""), "is incomplete: .*name"),
        (MINIMAL.replace("hop = 4000", "hop = 9000"), "hop must not exceed the window"),
        ("name = ", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, text))


def test_single_settings_can_be_replaced(tmp_path: Path) -> None:
    changes = ["train.epochs=7", "input.normalisation=peak", "name = other", "model.arguments.width=32", "seed=3"]
    config = load_config(write(tmp_path, MINIMAL), changes)
    assert (config.train.epochs, config.input.normalisation, config.name, config.seed) == (7, "peak", "other", 3)
    assert config.model.arguments == {"width": 32}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.epoch=7", "unknown keys epoch"),
        ("train.epochs", "--set takes section.key=value, such as train.epochs=20, got 'train.epochs'"),
        ("name.first=x", "name is a value and not a section"),
    ],
)
def test_a_wrong_replacement_is_said(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, MINIMAL), [change])


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="recipes lie in training/recipes"):
        load_config(tmp_path / "none.toml")
