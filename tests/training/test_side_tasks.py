"""Several tasks on one network, from the recipe to what is measured and served."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from audiocnn import Classifier, TaskSpec, checkpoint
from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN
from training.answers import Answered
from training.augment.mixing import mixup
from training.cli import commands
from training.config import Config, QuantityConfig, SideTaskConfig, load_config
from training.crossval import ANSWERS, RESULTS, cross_validate, table
from training.data.manifest import Clip, Truth, read_clips
from training.data.targets import all_targets, tasks_of
from training.publish import publish

SIDE = {
    "octave": SideTaskConfig("regression", quantities={"octave": QuantityConfig("octaves", (-1.0, 4.0))}, weight=0.5),
    "colour": SideTaskConfig("multi_label", shares=("bright", "dark")),
    "loud": SideTaskConfig("binary", label="loudness", positive="loud"),
}  # fmt: skip


@pytest.fixture(scope="module")
def data_with_sides(data: Path) -> Path:
    """The clips of `data` with their pitch in octaves above 220 Hz, how bright they are, and whether they are loud."""
    with (data / "sides.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "fold", "octave", "bright", "dark", "loudness"])
        for label, base in (("high", 1760.0), ("low", 220.0)):
            for i in range(12):
                octave = np.log2(base * (1 + 0.02 * i) / 220)
                loud = "loud" if i % 2 else "soft"
                rows.writerow([f"{label}/{i}.wav", label, i % 3, octave, octave / 4, 1 - octave / 4, loud])
    return data


@pytest.fixture
def several(config: Config) -> Config:
    return replace(
        config,
        data=replace(config.data, manifest="sides.csv", group="", validation=0.25),
        side_tasks=SIDE,
        train=replace(config.train, epochs=12, lr=0.01),
    )


def toml(folder: Path, text: str, data: str = 'manifest = "x.csv"') -> Path:
    path = folder / "x.toml"
    path.write_text(
        'name = "x"\ninput = {sample_rate = 8000, window = 4000, hop = 2000}\nmodel = {architecture = "m5"}\n'
        f"[data]\n{data}\n{text}\n"
    )
    return path


class TestConfig:
    def test_each_is_a_section_with_its_own_kind(self, tmp_path: Path) -> None:
        config = load_config(
            toml(
                tmp_path,
                '[side_tasks.octave]\nkind = "regression"\nweight = 0.5\n'
                '[side_tasks.octave.quantities.octave]\nunit = "octaves"\nrange = [-1.0, 4.0]\n'
                '[side_tasks.colour]\nkind = "multi_label"\nshares = ["bright", "dark"]\n'
                '[side_tasks.loud]\nkind = "binary"\nlabel = "loudness"\npositive = "loud"',
            )
        )
        assert config.side_tasks == SIDE
        assert json.dumps(config.to_json())

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('[side_tasks.x]\nlabel = "a"', r"^\[side_tasks\.x\] is incomplete: it needs kind$"),
            (
                '[side_tasks.x]\nkind = "binary"\nlabel = "a"',
                r"^side_tasks\.x\.positive must name the label of yes for side_",
            ),
            (
                '[side_tasks.x]\nkind = "regression"',
                r"^side_tasks\.x\.quantities must name columns of numbers .*, got none for",
            ),
            (
                '[side_tasks.x]\nkind = "single_label"',
                r"^side_tasks\.x must name its column with label, or columns with",
            ),
            (
                '[side_tasks.x]\nkind = "multi_label"\nshares = ["a"]\nlabel = "b"',
                r"^side_tasks\.x must name its column with",
            ),
            (
                '[side_tasks.x]\nkind = "single_label"\nlabel = "a"\nweight = 0.0',
                r"^side_tasks\.x\.weight must be a finite number above 0, got 0",
            ),
            (
                '[side_tasks."a b"]\nkind = "single_label"\nlabel = "a"',
                r"^the name of a side task must be a word of letters, .* got 'a b'$",
            ),
            (
                '[side_tasks.x]\nkind = "single_label"\nlabel = "a"\nfold = "b"',
                r"^\[side_tasks\.x\] has unknown keys fold; known: answers, kind, label,",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, text: str, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            load_config(toml(tmp_path, text))

    def test_folders_have_no_columns(self, tmp_path: Path) -> None:
        text = '[side_tasks.x]\nkind = "single_label"\nlabel = "a"'
        with pytest.raises(
            ConfigError, match=r"^data\.manifest must name the file with the columns of side_tasks\.x, got"
        ):
            load_config(toml(tmp_path, text, data=""))


class TestTargets:
    def test_columns_are_those_of_the_main_task_and_then_by_name(self, several: Config, data_with_sides: Path) -> None:
        clips = read_clips(data_with_sides, several.data, "audio", several.side_tasks)
        tasks = tasks_of(several, clips, clips[::5])
        assert list(tasks) == [MAIN, "colour", "loud", "octave"]
        assert tasks["loud"] == TaskSpec("binary", ("soft", "loud"))
        assert tasks["octave"].quantities[0].mean == pytest.approx(
            np.mean([c.side["octave"].values["octave"] for c in clips[::5]])
        )
        first = all_targets(clips, tasks)[1]  # high/1.wav
        octave = np.log2(8 * 1.02)
        np.testing.assert_allclose(first, [1, 0, octave / 4, 1 - octave / 4, 0, 1, octave])

    def test_clips_read_without_the_task_are_refused(self, several: Config, data_with_sides: Path) -> None:
        clips = read_clips(data_with_sides, several.data, "audio", several.side_tasks)
        tasks = tasks_of(several, clips, clips)
        with pytest.raises(
            ConfigError, match=r"^the clips were read without the side task 'colour'; describe it in \[side_"
        ):
            all_targets(read_clips(data_with_sides, several.data), tasks)

    @pytest.mark.parametrize(
        ("side", "message"),
        [
            (
                SideTaskConfig("binary", label="loudness", positive="silent"),
                r"the label side_tasks\.x\.positive = 'silent' and",
            ),
            (SideTaskConfig("single_label", label="tone"), r"has no column 'tone'; it has path, label"),
            (
                SideTaskConfig("multi_label", shares=("octave",)),
                r"must have a number from 0 to 1 as octave, it has '3\.0'",
            ),
        ],
    )
    def test_a_manifest_that_does_not_fit_is_refused(
        self, several: Config, data_with_sides: Path, side: SideTaskConfig, message: str
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            read_clips(data_with_sides, several.data, "audio", {"x": side})

    def test_mixup_mixes_the_targets_of_all_tasks_alike(self) -> None:
        targets = torch.tensor([[1.0, 0, 1, 0, 10], [0, 1, 0, 1, 20]])
        _, mixed = mixup(torch.randn(2, 100), targets, 1.0, np.random.default_rng(3))
        share = (20 - mixed[:, 4]) / 10
        assert 0.01 < share[0] < 0.99
        for column in (0, 2):
            torch.testing.assert_close(mixed[:, column], share)


def test_a_truth_counts_as_one_clip_of_several_tasks() -> None:
    """Clips of a set are told apart by what they are, not by their answers, which cannot be hashed."""
    clip = Clip(Path("a"), ("x",), side={"y": Truth(values={"z": 1.0})})
    assert len({clip, replace(clip)}) == 1


@pytest.mark.usefixtures("data_with_sides")
def test_a_network_learns_all_of_its_tasks(several: Config, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    results = cross_validate(several, data, run, tmp_path / "cache", seeds=[0], folds=["1"], jobs=1, device="cpu")
    model = run / "seed-0-fold-1" / "model"
    spec = read_spec(model)
    assert list(spec.tasks) == [MAIN, "colour", "loud", "octave"]
    assert set(spec.metrics["validation"]["side"]) == {"colour", "loud", "octave"}
    assert spec.metrics["validation"]["side"]["octave"]["mae"] < 3

    (fold,) = results["folds"]
    assert fold["accuracy"] == 1.0
    assert fold["side"]["octave"]["mae"] < 0.8  # three octaves lie between the two notes
    assert fold["side"]["colour"]["pearson"] > 0.8
    assert set(fold["side"]["colour"]["by_label"]) == {"bright", "dark"}
    assert results["summary"]["side"]["octave"]["mae"] == {"mean": fold["side"]["octave"]["mae"], "deviation": 0.0}
    assert results["side_labels"] == {"colour": ["bright", "dark"], "loud": ["soft", "loud"], "octave": ["octave"]}
    assert results["calibration"]["coverage_accuracy"][-1]["accuracy"] == fold["accuracy"]
    assert set(results["calibration"]["side"]) == {"colour", "loud"}
    lines = list(table(results))
    assert lines[5:7] == ["colour", ""]
    assert lines[7].startswith("| seed | fold | loss | mae | pearson | r2 |")

    kept = Answered.load(run / "seed-0-fold-1" / ANSWERS)
    assert len(kept.clips) == 8
    first = results["clips"][0]
    served = Classifier.load(model).classify(data / first["clip"])
    estimate = served.side["octave"][0]
    assert [estimate.value] == pytest.approx(first["side"]["octave"], rel=1e-4)
    assert {p.label: p.score for p in served.predictions} == pytest.approx(
        dict(zip(results["labels"], first["scores"], strict=True)), rel=1e-4
    )
    assert kept.scores(spec.tasks)["octave"][0] == pytest.approx([estimate.value])

    recipe = json.loads((model / "config.json").read_text())["training"]["recipe"]
    assert recipe["side_tasks"]["octave"]["weight"] == 0.5
    config = toml(
        tmp_path,
        '[side_tasks.colour]\nkind = "multi_label"\nshares = ["bright", "dark"]',
        'manifest = "sides.csv"\nfold = "fold"',
    )
    said = CliRunner().invoke(
        commands, ["evaluate", str(config), "--data", str(data), "--model", str(model), "--fold", "1"]
    )
    assert said.exit_code == 0, said.output
    measured = json.loads(said.stdout)
    assert measured["side"] == {"colour": fold["side"]["colour"]}  # no more than the recipe describes
    assert measured["calibration"]["ece"] == pytest.approx(results["calibration"]["ece"])
    assert set(measured["calibration"]["side"]) == {"colour"}

    checkpoint.write_spec(model, replace(spec, metrics={**spec.metrics, "calibration": {"temperature": 1.23456}}))
    publish(model, tmp_path / "out", "1", run / RESULTS)
    published = read_spec(tmp_path / "out")
    assert published.side_tasks == spec.side_tasks
    assert set(published.metrics) == {"cross_validation", "calibration"}
    assert published.metrics["calibration"] == {"temperature": 1.2346}
    assert "by_label" not in published.metrics["cross_validation"]["side"]["colour"]
    assert set(published.metrics["cross_validation"]["side"]["octave"]) == {"loss", "mae", "rmse", "r2"}


def test_a_side_column_that_is_wrong_stops_a_cross_validation_before_it_trains(
    several: Config, data_with_sides: Path, tmp_path: Path
) -> None:
    wrong = replace(several, side_tasks={"x": SideTaskConfig("single_label", label="tone")})
    with pytest.raises(ConfigError, match="has no column 'tone'"):
        cross_validate(
            wrong, data_with_sides, tmp_path, tmp_path / "cache", seeds=[0], folds=["1"], jobs=1, device="cpu"
        )
    assert not (tmp_path / "cache").exists()
