import dataclasses
import re
from pathlib import Path

import pytest

from audiocnn import models
from audiocnn.errors import ConfigError
from training.config import Config, load_config

RECIPES = sorted((Path(__file__).parents[2] / "training" / "recipes").glob("*.toml"))
RECIPES = [path for path in RECIPES if path.stem != "denoise"]  # no classifier; it has settings of its own


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
        (MINIMAL + "[train]\nepoch = 3\n", r"\[train\] has unknown keys epoch; known: accumulate"),
        (MINIMAL + "[train]\nepochs = 0\n", "train.epochs must be at least 1, got 0"),
        (MINIMAL + "[augment]\nnoise_db = [3.0]\n", r"noise_db must be \[\] or \[lowest, highest\] .*, got \[3.0\]"),
        (MINIMAL + "[data]\nvalidation = 1.5\n", "validation must be a share from 0 to 0.5, got 1.5"),
        (MINIMAL + "[data]\nfolds = 1\n", "data.folds must be 0 for none or at least 2, got 1"),
        (MINIMAL + '[data]\nfolds = 3\nfold = "f"\n', "leave out data.folds = 3 or data.fold = 'f'"),
        (MINIMAL + '[data]\nfolds = 3\nsplit = "s"\n', "leave out data.folds = 3 or data.split = 's'"),
        (MINIMAL + '[train]\ndata_on_device = "no"\n', "data_on_device must be one of auto, always, never, got 'no'"),
        (MINIMAL.replace('name = "x"', ""), "is incomplete: it needs name"),
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


def refusal(tmp_path: Path, change: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, MINIMAL), [change])
    return str(caught.value)


KEYS = [
    f"{section.name}.{f.name}" if dataclasses.is_dataclass(section.type) else section.name
    for section in dataclasses.fields(Config)
    for f in (dataclasses.fields(section.type) if dataclasses.is_dataclass(section.type) else [section])  # type: ignore[arg-type]
]


@pytest.mark.parametrize("key", KEYS)
def test_no_key_takes_a_date(tmp_path: Path, key: str) -> None:
    assert re.fullmatch(rf"{key} must be .+, got datetime.date\(1979, 5, 27\)", refusal(tmp_path, f"{key}=1979-05-27"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.batch_size=2.5", "train.batch_size must be a whole number, got 2.5"),
        ("train.epochs=1.5", "train.epochs must be a whole number, got 1.5"),
        ("train.epochs=abc", "train.epochs must be a whole number, got 'abc'"),
        ("train.epochs=true", "train.epochs must be a whole number, got True"),
        ("train.lr=true", "train.lr must be a number, got True"),
        ("augment.gain_db=x", "augment.gain_db must be a number, got 'x'"),
        ("augment.polarity=1", "augment.polarity must be true or false, got 1"),
        ('augment.noise_db=["a","b"]', "augment.noise_db must be a list of numbers, got ['a', 'b']"),
        ("augment.noise_db=3", "augment.noise_db must be a list of numbers, got 3"),
        ("seed=x", "seed must be a whole number, got 'x'"),
        ("name=2024", "name must be text in quotes, got 2024"),
        ("data.kind=several", "data.kind must be one of single_label, multi_label, binary, regression, got 'several'"),
        ("input.window=0.5", "input.window must be a whole number, got 0.5"),
        ("merge=[1]", "merge must be a table of names and lists of text in quotes, got [1]"),
        ("merge.a=b", "merge must be a table of names and lists of text in quotes, got {'a': 'b'}"),
        ("merge.a=[1]", "merge must be a table of names and lists of text in quotes, got {'a': [1]}"),
        ("model.arguments=[]", "model.arguments must be a table of names and values, got []"),
        ("train=3", "train must be a section of names and values, got 3"),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, change: str, message: str) -> None:
    assert refusal(tmp_path, change) == message


@pytest.mark.parametrize(
    ("key", "values", "wanted"),
    [
        *(
            (f"train.{key}", "0 -1", "at least 1")
            for key in ("epochs", "crops_per_clip", "batch_size", "accumulate", "patience")
        ),
        ("train.lr", "0.0 -1 1e+38 inf nan", "a number above 0, at most 1e+06"),
        ("train.weight_decay", "-1 1e+38 inf nan", "a number from 0 to 1e+06"),
        ("train.clip_grad", "0.0 -1 inf nan", "a finite number above 0"),
        ("train.mixup", "-1 inf nan", "a finite number from 0 up"),
        *((f"train.{key}", "-0.1 1.1 nan", "a share from 0 to 1") for key in ("warmup", "label_smoothing", "ema")),
        ("train.cut_mix", "-0.1 1.1 nan", "a share from 0 to 1"),
        ("data.max_unreadable", "-0.1 1.1 nan", "a share from 0 to 1"),
        ("data.validation", "-0.1 0.6 1 nan", "a share from 0 to 0.5"),
        ("augment.speed", "-0.1 1 nan", "a share from 0 to below 1"),
        ("augment.band_mask", "-0.1 1 nan", "a share from 0 to below 1"),
        ("augment.shift", "-0.1 1.1 nan", "a share from 0 to 1"),
        *((f"augment.{key}", "-1 121 nan", "from 0 to 120 dB") for key in ("gain_db", "segment_gain_db", "eq_db")),
        ("augment.time_mask_ms", "-1 inf nan", "a finite number from 0 up"),
        ("augment.time_masks", "0 -1", "at least 1"),
        ("augment.band_masks", "0 -1", "at least 1"),
        *(
            (f"augment.{key}", "-0.1 1.1 nan", "a probability from 0 to 1")
            for key in ("soft_clip", "low_pass", "high_pass", "codec")
        ),
        ("seed", "-1 4294967296", "from 0 to 4294967295"),
    ],
)
def test_a_value_out_of_range_is_refused(tmp_path: Path, key: str, values: str, wanted: str) -> None:
    for value in values.split():
        assert refusal(tmp_path, f"{key}={value}") == f"{key} must be {wanted}, got {value}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["train.balance=half"], "train.balance must be one of none, loss, sampling, groups, got 'half'"),
        (
            ["train.balance=sampling", "data.kind=multi_label"],
            "train.balance must be none or loss for data.kind = 'multi_label', got 'sampling'",
        ),
        (
            ["train.balance=groups", "data.kind=multi_label"],
            "train.balance must be none or loss for data.kind = 'multi_label', got 'groups'",
        ),
        (
            ["train.balance=groups"],
            "train.balance = 'groups' needs data.group, the manifest's column of artists or speakers",
        ),
        *(
            (
                ['merge.both=["a", "b"]', f"data.kind={kind}", *more],
                f"merge is for data.kind = 'single_label', got it for '{kind}'; leave it out or --set merge={{}}",
            )
            for kind, more in (
                ("multi_label", []),
                ("binary", ["data.positive=a"]),
                ("regression", ["data.manifest=a.csv", "data.quantities.x.unit=s"]),
            )
        ),
        (["train.keep=first"], "train.keep must be one of best, last, got 'first'"),
        (["train.compile=1"], "train.compile must be true or false, got 1"),
    ],
)
def test_a_way_of_training_that_does_not_exist_is_refused(tmp_path: Path, changes: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, MINIMAL), changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", ["[1.0]", "[1, 2, 3]", "[9, 3]", "[-121, 0]", "[0, 121]", "[0, nan]"])
def test_noise_levels_out_of_range_are_refused(tmp_path: Path, value: str) -> None:
    wanted = "augment.noise_db must be [] or [lowest, highest] from -120 to 120 dB"
    assert refusal(tmp_path, f"augment.noise_db={value}") == f"{wanted}, got {value}"


@pytest.mark.parametrize("value", ["[1.0]", "[2, 1]", "[-5, 0]", "[0, nan]"])
def test_noise_colours_out_of_range_are_refused(tmp_path: Path, value: str) -> None:
    wanted = "augment.noise_colours must be [] or [lowest, highest] from -4 to 4"
    assert refusal(tmp_path, f"augment.noise_colours={value}") == f"{wanted}, got {value}"


def test_between_class_mixing_needs_a_ratio(tmp_path: Path) -> None:
    wanted = "train.mixup must be above 0 for train.mixing = 'between-class', got 0; the paper has 1.0"
    assert refusal(tmp_path, "train.mixing=between-class") == wanted
    config = load_config(write(tmp_path, MINIMAL), ["train.mixing=between-class", "train.mixup=1"])
    assert config.train.mixing == "between-class"


@pytest.mark.parametrize("changes", [["train.cut_mix=0.5"], ["train.mixing=between-class", "train.mixup=1"]])
def test_mixes_of_sound_are_for_sound(tmp_path: Path, changes: list[str]) -> None:
    image = 'name = "x"\n[input]\nmedia = "image"\nheight = 8\nwidth = 8\n[model]\narchitecture = "lenet-5"\n'
    with pytest.raises(
        ConfigError, match=r"train.cut_mix and train.mixing are for input.media = 'audio', leave them out for 'image'"
    ):
        load_config(write(tmp_path, image), changes)


def test_the_ends_of_ranges_and_whole_numbers_for_fractions_are_taken(tmp_path: Path) -> None:
    changes = ["train.lr=1", "train.ema=1", "train.mixup=0", "augment.soft_clip=1", "augment.noise_db=[3, 3]"]
    config = load_config(write(tmp_path, MINIMAL), [*changes, 'merge.both=["a", "b"]', "seed=4294967295"])
    assert (config.train.lr, config.train.ema, config.augment.soft_clip) == (1, 1, 1)
    assert (config.augment.noise_db, config.merge) == ((3, 3), {"both": ["a", "b"]})


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="recipes lie in training/recipes"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["", "a/b", "..", "a\\tb"])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    assert "name must be the name of a folder, in one line, without slashes" in refusal(tmp_path, f'name="{name}"')


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(MINIMAL, encoding="utf-8-sig")
    assert load_config(recipe).name == "x"


def test_another_encoding_is_said(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(MINIMAL + "# Björk", encoding="latin-1")
    with pytest.raises(ConfigError, match=r"is not valid TOML, which is UTF-8: .*; save it as UTF-8"):
        load_config(recipe)
