"""Clips to train on that have one answer for all, and labels that nobody meant."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError
from tests.training.conftest import ALONE
from training.baselines.run import measure_baseline
from training.config import Config, DataConfig, SideTaskConfig
from training.crossval import cross_validate
from training.data.manifest import Clip, Truth, check_labels, read_clips
from training.data.targets import task_of, tasks_of
from training.loop import train
from training.setup import prepare


def clips(*labels: str | Sequence[str], values: Sequence[float] = ()) -> list[Clip]:
    truths = [(label,) if isinstance(label, str) else tuple(label) for label in labels]
    return [Clip(Path(f"{i}.wav"), truth) for i, truth in enumerate(truths)] + [
        Clip(Path(f"{i}.wav"), (), values={"calm": value, "tense": 0.5}) for i, value in enumerate(values)
    ]


class TestOneAnswer:
    @pytest.mark.parametrize(
        ("config", "train", "answer"),
        [
            (DataConfig(), clips("low", "low"), "low"),
            (DataConfig(kind="binary", positive="low"), clips("low"), "low"),
            (DataConfig(kind="multi_label"), clips(["a", "b"], ["b", "a"]), "a, b"),
            (DataConfig(kind="multi_label"), clips([], []), "none"),
            (
                DataConfig(kind="multi_label", manifest="x.csv", shares=("calm", "tense")),
                clips(values=[0.25, 0.25]),
                "calm 0.25, tense 0.5",
            ),
        ],
    )
    def test_the_same_in_all_clips_to_train_on_is_refused(
        self, config: DataConfig, train: list[Clip], answer: str
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            task_of(config, [*train, *clips("high", ["a"], values=[0.3])], train)
        assert str(caught.value) == (
            f"all {len(train)} clips to train on have the label {answer}: nothing to learn for [data]; divide the "
            "clips so that several labels are among those to train on"
        )

    @pytest.mark.parametrize(
        ("config", "train"),
        [
            (DataConfig(kind="multi_label"), clips(["a"], [])),
            (DataConfig(kind="multi_label", manifest="x.csv", shares=("calm", "tense")), clips(values=[0.25, 0.3])),
        ],
    )
    def test_one_label_that_some_have_is_enough(self, config: DataConfig, train: list[Clip]) -> None:
        assert task_of(config, train, train).kind == "multi_label"

    def test_training_on_one_class_is_refused(self, data: Path, config: Config, tmp_path: Path) -> None:
        sides = {"high": "train", "low": "test"}
        rows = [f"{label}/{i}.wav,{label},{side}" for label, side in sides.items() for i in range(3)]
        (data / "sides.csv").write_text("\n".join(["path,label,split", *rows]))
        config = replace(config, data=DataConfig(manifest="sides.csv", split="split", validation=0.0))
        with pytest.raises(ConfigError, match=r"^all 3 clips to train on have the label high: nothing to learn"):
            prepare(config, data, tmp_path / "cache", ALONE, None)
        with pytest.raises(ConfigError, match=r"^all 3 clips to train on have the label high: nothing to learn"):
            measure_baseline(config, data, tmp_path / "cache", "mfcc-svm")

    def test_a_side_task_is_named(self, config: Config) -> None:
        config = replace(config, side_tasks={"mood": SideTaskConfig("single_label", label="mood")})
        found = [
            replace(clip, side={"mood": Truth((mood,))}) for clip, mood in zip(clips("a", "b", "a"), "xxy", strict=True)
        ]
        with pytest.raises(ConfigError, match=r"all 2 clips .* the label x: nothing to learn for \[side_tasks\.mood\]"):
            tasks_of(config, found, found[:2])

    def test_a_cross_validation_refuses_it_before_it_starts(self, data: Path, config: Config, tmp_path: Path) -> None:
        config = replace(config, data=replace(config.data, fold="label", group=""))
        with pytest.raises(ConfigError, match="all 12 clips to train on have the label low: nothing to learn"):
            cross_validate(config, data, tmp_path / "run", tmp_path, seeds=[0], folds=[], jobs=1, device="cpu")
        assert not (tmp_path / "run").exists()


class TestListedLabels:
    def test_the_order_of_the_list_is_not_that_of_the_model(self, data: Path, config: Config, tmp_path: Path) -> None:
        listed = replace(config.data, labels=("low", "high"))
        config = replace(config, data=listed, train=replace(config.train, epochs=1))
        model = train(config, data, tmp_path / "run", tmp_path / "cache", ALONE, None)
        assert read_spec(model).task.labels == ("high", "low")

    def test_other_labels_are_named_with_a_file_and_what_was_meant(self) -> None:
        found = clips("rock", "Rock", "Rock", "polka", "rokc", "ska", "jazz")
        with pytest.raises(ConfigError) as caught:
            check_labels(found, DataConfig(labels=("rock", "jazz")), {})
        assert str(caught.value) == (
            "data.labels lists rock, jazz, 5 of 7 clips have other labels: 1.wav has 'Rock' (did you mean 'rock'?); "
            "3.wav has 'polka'; 4.wav has 'rokc' (did you mean 'rock'?); and 1 more; correct them, or add them to the "
            "list"
        )

    def test_a_folder_that_is_no_class(self, data: Path) -> None:
        with pytest.raises(ConfigError, match=r"has 'low'; correct them"):
            read_clips(data, DataConfig(labels=("high", "middle")))

    def test_a_side_task_has_a_list_of_its_own(self, config: Config) -> None:
        moods = SideTaskConfig("multi_label", label="mood", labels=("calm", "tense"))
        found = [replace(clip, side={"mood": Truth(("calm", "tens"))}) for clip in clips("a", "b")]
        with pytest.raises(ConfigError, match=r"^side_tasks\.mood\.labels lists calm, tense, 2 of 2 .*'tense'\?\)"):
            check_labels(found, DataConfig(), {"mood": moods})

    def test_a_listed_label_that_no_clip_has(self, config: Config) -> None:
        config = replace(config, data=replace(config.data, labels=("a", "b", "c", "d")))
        with pytest.raises(ConfigError, match=r"^data\.labels lists c, d, which none of the 2 clips has; add clips or"):
            tasks_of(config, clips("a", "b"), clips("a", "b"))

    def test_a_label_of_the_list_may_be_tested_alone(self, config: Config) -> None:
        config = replace(config, data=replace(config.data, labels=("a", "b", "c")))
        assert tasks_of(config, clips("a", "b", "c"), clips("a", "b"))[""].labels == ("a", "b", "c")

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"labels": ("a", "a")}, r"^data\.labels must differ from one another and .*, got 'a', 'a'$"),
            ({"labels": ("a", "b ")}, r"without blanks around them, got 'a', 'b '$"),
            ({"labels": ("a", "")}, r"without blanks around them, got 'a', ''$"),
            ({"labels": ("a",)}, r"^data\.labels must be at least two for 'single_label', got 'a'$"),
            (
                {"labels": ("a", "b"), "kind": "binary", "positive": "c"},
                r"^data\.labels must be data\.positive = 'c' and one other for 'binary', got 'a', 'b'$",
            ),
            (
                {"labels": ("a", "b"), "kind": "multi_label", "shares": ("x",), "manifest": "x.csv"},
                r"^data\.labels are for a column of labels, leave them out with quantities or shares$",
            ),
        ],
    )
    def test_a_list_that_cannot_be_meant(self, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            DataConfig(**settings)
        assert DataConfig(kind="multi_label", labels=("a",)).labels == ("a",)
