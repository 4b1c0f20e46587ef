"""Shares of labels as soft targets: recipe, manifest, targets and metrics."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audiocnn.errors import ConfigError
from audiocnn.spec import TaskSpec
from training.config import Config, DataConfig, load_config
from training.data.manifest import Clip, read_clips
from training.data.targets import targets_of, task_of
from training.metrics import measure

MOODS = TaskSpec("multi_label", ("calm", "tense"))
CONFIG = DataConfig(manifest="clips.csv", kind="multi_label", shares=MOODS.labels)


def written(folder: Path, *rows: str) -> Path:
    lines = ["path,calm,tense"]
    for number, row in enumerate(rows):
        (folder / f"{number}.wav").touch()
        lines.append(f"{number}.wav,{row}")
    (folder / "clips.csv").write_text("\n".join(lines))
    return folder


class TestManifest:
    def test_targets_are_the_shares_in_the_order_of_the_recipe(self, tmp_path: Path) -> None:
        clips = read_clips(written(tmp_path, "0.25,1", "0,0.5"), replace(CONFIG, shares=("tense", "calm")))
        task = task_of(replace(CONFIG, shares=("tense", "calm")), clips, clips)
        assert task == TaskSpec("multi_label", ("tense", "calm"))
        assert targets_of(clips, task).tolist() == [[1, 0.25], [0.5, 0]]

    @pytest.mark.parametrize("share", ["1.01", "-0.1", "nan", "", "much"])
    def test_a_share_lies_between_0_and_1(self, tmp_path: Path, share: str) -> None:
        with pytest.raises(
            ConfigError, match=rf"^row 2 of .*clips\.csv must have a number from 0 to 1 as tense, it has '{share}'$"
        ):
            read_clips(written(tmp_path, "0,0", f"0.5,{share}"), CONFIG)

    def test_a_column_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"has no column 'sad'; it has path, calm, tense$"):
            read_clips(written(tmp_path, "0,0"), replace(CONFIG, shares=("sad",)))

    def test_clips_read_for_other_shares_do_not_fit_the_model(self) -> None:
        clips = [Clip(Path("a"), (), values={"calm": 0.5})]
        with pytest.raises(
            ConfigError, match=r"^the clips have no share of 'tense', which the model answers; name it in"
        ):
            targets_of(clips, MOODS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'kind = "single_label"\nshares = ["a"]',
            r"^data\.shares are for data\.kind = 'multi_label', got them for 'single_l",
        ),
        (
            'kind = "multi_label"\nshares = ["a"]',
            r"^data\.manifest must name the file with the columns of data\.shares, got ''$",
        ),
        (
            'kind = "multi_label"\nmanifest = "x.csv"\nshares = ["a", "a"]',
            r"^data\.shares must differ from one another, got a, a$",
        ),
        (
            'kind = "multi_label"\nmanifest = "x.csv"\nshares = "a"',
            r"^data\.shares must be a list of text in quotes, got 'a'$",
        ),
    ],
)
def test_the_recipe_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.toml").write_text(
        'name = "x"\ninput = {sample_rate = 8000, window = 80, hop = 80}\nmodel = {architecture = "m5"}\n'
        f"[data]\n{text}\n"
    )
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / "x.toml")


class TestMetrics:
    SHARES = np.array([[0.0, 0.5], [0.5, 0.5], [1.0, 0.5]])

    def test_errors_correlation_and_r2_of_each_label_and_their_mean(self) -> None:
        answers = np.array([[0.25, 0.5], [0.5, 0.25], [0.75, 0.75]])
        metrics = measure(answers, self.SHARES, MOODS, {})
        assert metrics["by_label"] == {
            "calm": pytest.approx({"mae": 1 / 6, "r2": 1 - (0.125 / 3) / (1 / 6), "pearson": 1.0}),
            "tense": pytest.approx({"mae": 1 / 6}),  # its shares are all alike
        }
        means = {name: metrics[name] for name in ("clips", "mae", "r2", "pearson")}
        assert means == pytest.approx({"clips": 3, "mae": 1 / 6, "r2": 0.75, "pearson": 1.0})
        terms = self.SHARES * np.log(answers) + (1 - self.SHARES) * np.log(1 - answers)
        assert metrics["loss"] == pytest.approx(-terms.mean())
        assert "roc_auc" not in metrics

    def test_an_answer_that_never_changes_has_no_correlation(self) -> None:
        metrics = measure(np.full((3, 2), 0.5), self.SHARES, MOODS, {})
        assert set(metrics["by_label"]["calm"]) == {"mae", "r2"}
        assert "pearson" not in metrics

    def test_hard_labels_keep_their_own(self) -> None:
        hard = np.array([[0.0, 1.0], [1.0, 1.0]])
        metrics = measure(np.array([[0.2, 0.5], [0.7, 0.5]]), hard, MOODS, {})
        assert set(metrics) == {"clips", "loss", "roc_auc", "average_precision"}
        assert metrics["roc_auc"] == 1.0
        assert set(measure(hard[1:], hard[1:], MOODS, {})) == {"clips", "loss"}  # one clip ranks nothing


def test_the_whole_recipe_becomes_plain_json(config: Config) -> None:
    assert replace(config, data=CONFIG).to_json()["data"]["shares"] == MOODS.labels
