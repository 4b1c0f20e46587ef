"""Manifest, split, cache and crops."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN, AudioSpec, TaskSpec
from tests.conftest import tiny_spec
from training.augment.speed import fast_length
from training.config import AugmentConfig, Config, DataConfig
from training.data.balance import balanced_parts
from training.data.batches import Batches
from training.data.cache import open_cache
from training.data.manifest import Clip, label_names, name_of, read_clips
from training.data.media import medium_of
from training.data.sound import FULL_SCALE, Sound
from training.data.split import SPLITS, clips_in, clips_of, folds_of, split_clips

LABELS = ("high", "low")


def clip(name: str, label: str = "a", group: str = "", fold: str = "", split: str = "") -> Clip:
    return Clip(Path(name), (label,), split=split, fold=fold, group=group)


def sound(sample_rate: int = 8000) -> Sound:
    return Sound(AudioSpec(sample_rate, sample_rate, sample_rate), AugmentConfig())


class TestManifest:
    def test_csv(self, data: Path, config: Config) -> None:
        clips = read_clips(data, config.data)
        assert len(clips) == 24
        assert clips[0] == Clip(data / "high" / "0.wav", ("high",), fold="0", group="artist 0 of high")
        assert label_names(clips) == LABELS

    def test_a_folder_per_class_gives_the_same_clips(self, data: Path, config: Config) -> None:
        by_folder = read_clips(data, DataConfig())
        assert [(c.path, c.labels) for c in by_folder] == [(c.path, c.labels) for c in read_clips(data, config.data)]

    def test_jsonl_with_several_labels(self, data: Path) -> None:
        manifest = data / "tags.jsonl"
        rows = [{"path": "high/0.wav", "label": ["x", "y"]}, {"path": "low/0.wav", "label": "y|z"}]
        manifest.write_text("\n".join(map(json.dumps, rows)))
        clips = read_clips(data, DataConfig(manifest="tags.jsonl", kind="multi_label"))
        assert [c.labels for c in clips] == [("x", "y"), ("y", "z")]
        with pytest.raises(ConfigError, match="has 2 labels where a single_label task wants one"):
            read_clips(data, DataConfig(manifest="tags.jsonl"))

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("path,label\nhigh/0.wav,a\nnone.wav,b\n", "1 of 2 files in the manifest do not exist.*none.wav"),
            ("path,label\nhigh/0.wav,a\nhigh/0.wav,b\n", "1 clips are listed twice"),
            ("path,genre\nhigh/0.wav,a\n", "row 1 of .* has no column 'label'; it has path, genre"),
            ("path,label\nhigh/0.wav,a\n", "a classifier needs at least two"),
            ("path,label\n", "lists no clips"),
            ("path;label\nhigh/0.wav;a\n", "no column 'label'; it has path;label; separate columns with commas"),
            ("path,label\nhigh/0.wav\n", "row 1 of .* has nothing in the column 'label'"),
            ("path,label\n,a\n", "row 1 of .* has nothing in the column 'path'"),
            ("path,label\nhigh/0.wav,a\nlow/0.wav,\n", "has 0 labels where .* wants one; label it or take it out"),
            ("path,label\nhigh/0.wav,a\nlow/../high/0.wav,b\n", "1 clips are listed twice"),
            ("path,label\nhigh/0.wav,a\n" + 5000 * "x" + ",b\n", "1 of 2 files in the manifest do not exist"),
            ("path,label\nhigh/0.wav," + 200_000 * "x", "cannot read .* behind line 1: .*; look for an open quote"),
        ],
    )
    def test_what_is_wrong_is_said(self, data: Path, content: str, message: str) -> None:
        (data / "bad.csv").write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_clips(data, DataConfig(manifest="bad.csv"))

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('[{"path": "a"}]', "line 1 of .* must be an object such as"),
            ('{"path": "a", "label": "x"}\n3\n', "line 2 of .* must be an object such as .*, got 3"),
            ('{"path": "a", "label": "x"}\n\n{', "line 3 of .* is not JSON"),
            ('{"path": "a", "label": null}\n', "row 1 of .* has nothing in the column 'label'"),
        ],
    )
    def test_what_is_wrong_in_jsonl_is_said(self, tmp_path: Path, content: str, message: str) -> None:
        (tmp_path / "bad.jsonl").write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_clips(tmp_path, DataConfig(manifest="bad.jsonl"))

    def test_a_manifest_of_a_spreadsheet(self, data: Path) -> None:
        rows = ["path, label", 'high/0.wav, "loud,\nhigh"', "low/0.wav, low"]
        (data / "excel.csv").write_bytes("\r\n".join(rows).encode("utf-8-sig"))
        clips = read_clips(data, DataConfig(manifest="excel.csv"))
        assert [(c.path, c.labels) for c in clips] == [
            (data / "high/0.wav", ("loud, high",)),
            (data / "low/0.wav", ("low",)),
        ]

    def test_names_of_splits_folds_and_groups_are_compared_without_blanks_around_them(self, tmp_path: Path) -> None:
        rows = ["path,label,fold,artist", "1.wav,a,1 ,Bach ", "2.wav,b, 1,Bach"]
        (tmp_path / "clips.csv").write_text("\n".join(rows))
        for name in ("1.wav", "2.wav"):
            (tmp_path / name).touch()
        clips = read_clips(tmp_path, DataConfig(manifest="clips.csv", fold="fold", group="artist"))
        assert [(clip.fold, clip.group) for clip in clips] == [("1", "Bach")] * 2

    def test_another_encoding_is_said(self, data: Path) -> None:
        (data / "old.csv").write_bytes("path,label\nhigh/0.wav,a\nlow/0.wav,Björk\n".encode("latin-1"))
        with pytest.raises(ConfigError, match="must be UTF-8, line 3 has the byte 0xf6; save it as"):
            read_clips(data, DataConfig(manifest="old.csv"))

    def test_paths_in_full_and_outside_of_the_folder(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(data / "high")
        rows = ["path,label", f"{data / 'low/1.wav'},low", "../low/2.wav,low", "3.wav,high"]
        Path("full.csv").write_text("\n".join(rows))
        clips = read_clips(Path("."), DataConfig(manifest="full.csv"))
        assert sorted(name_of(c.path, Path(".")) for c in clips) == sorted(
            [str(data / "low/1.wav"), str(data / "low/2.wav"), "3.wav"]
        )
        (data / "full.csv").write_text(f"path,label\n{data / 'low/1.wav'},low\nhigh/1.wav,high\n")
        monkeypatch.chdir(data.parent)
        inside = read_clips(Path(data.name), DataConfig(manifest="full.csv"))
        assert [name_of(c.path, Path(data.name)) for c in inside] == ["high/1.wav", "low/1.wav"]

    def test_a_folder_per_class_leaves_out_what_is_hidden_and_says_what_is_empty(
        self, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for label in ("high", "low"):
            (tmp_path / label / "deep").mkdir(parents=True)
            shutil.copy(data / label / "0.wav", tmp_path / label / "deep")
        (tmp_path / "low" / "._0.wav").write_bytes(b"resources of another system")
        (tmp_path / "low" / ".trash").mkdir()
        shutil.copy(data / "low/1.wav", tmp_path / "low" / ".trash")
        (tmp_path / "jazz").mkdir()
        (tmp_path / "jazz" / "song.M4A").write_bytes(b"of a kind that is not read")
        clips = read_clips(tmp_path, DataConfig())
        assert [c.path for c in clips] == [tmp_path / "high/deep/0.wav", tmp_path / "low/deep/0.wav"]
        assert "jazz holds no audio files: 'jazz' is not among the labels" in caplog.text
        assert "are left out: 1 .m4a; convert them" in caplog.text

    @pytest.mark.parametrize("fold", ["../../../escaped", "1/2", "..", ".", "1\0"])
    def test_a_fold_that_is_no_name_of_a_folder_is_refused(self, tmp_path: Path, fold: str) -> None:
        """`crossval` keeps the runs of a fold in a folder of its name."""
        rows = [{"path": "a.wav", "label": "a", "fold": 1}, {"path": "b.wav", "label": "b", "fold": fold}]
        (tmp_path / "clips.jsonl").write_text("\n".join(map(json.dumps, rows)))
        config = DataConfig(manifest="clips.jsonl", fold="fold")
        with pytest.raises(ConfigError) as caught:
            read_clips(tmp_path, config)
        assert str(caught.value) == (
            f"row 2 of {tmp_path / 'clips.jsonl'} must have the name of a folder, in one line, without slashes, as "
            f"fold, it has {fold!r}; rename the fold"
        )

    def test_a_missing_folder_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="does not exist; name it with --data"):
            read_clips(tmp_path / "none", DataConfig())


class TestFolds:
    def clips(self, root: Path, groups: int = 10, **columns: str) -> DataConfig:
        """Four clips for each group, of which those with an even number are of the label a, three in four."""
        rows = ["path,label,artist"]
        for group in range(groups):
            for number in range(4):
                path = root / f"{group}-{number}.wav"
                path.write_bytes(b"RIFF")
                rows.append(f"{path.name},{'ab'[group % 2] if number else 'a'},artist {group}")
        (root / "clips.csv").write_text("\n".join(rows))
        return DataConfig(manifest="clips.csv", folds=5, **{"group": "artist", **columns})

    def test_whole_groups_balanced_by_label(self, tmp_path: Path) -> None:
        clips = read_clips(tmp_path, self.clips(tmp_path))
        assert folds_of(clips) == ["1", "2", "3", "4", "5"]
        for fold in folds_of(clips):
            found = clips_of(clips, fold)
            assert sorted(clip.labels[0] for clip in found) == ["a"] * 5 + ["b"] * 3
            assert len({clip.group for clip in found}) == 2

    def test_they_are_the_same_again_and_in_another_place(self, tmp_path: Path) -> None:
        folds = []
        for name in ("here", "there"):
            (tmp_path / name).mkdir()
            config = self.clips(tmp_path / name, group="")
            folds.append({clip.path.name: clip.fold for clip in read_clips(tmp_path / name, config)})
        assert folds[0] == folds[1]
        assert set(folds[0].values()) == set("12345")

    def test_a_folder_for_each_class_has_them_too(self, data: Path) -> None:
        clips = read_clips(data, DataConfig(folds=3))
        assert [len(clips_of(clips, fold)) for fold in folds_of(clips)] == [8, 8, 8]

    def test_fewer_groups_than_folds(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"data\.folds = 5 needs at least 5 groups .*, the 16 clips have 4; ask"):
            read_clips(tmp_path, self.clips(tmp_path, groups=4))

    def test_no_folds_at_all(self) -> None:
        with pytest.raises(
            ConfigError, match=r"at least 2 folds, the clips have \[\].*or have some made with data\.folds"
        ):
            folds_of([clip("1")])


class TestBalance:
    def test_several_labels_are_balanced_each(self) -> None:
        random = np.random.default_rng(0)
        labels = [
            [name for name, share in zip("abc", (0.5, 0.1, 0.02), strict=True) if random.random() < share]
            for _ in range(1000)
        ]
        parts = np.array(balanced_parts(labels, [str(i // 3) for i in range(1000)], 5, seed=1))
        for name in "abc":
            counts = np.bincount(parts[[name in found for found in labels]], minlength=5)
            assert counts.max() - counts.min() <= 3
        assert np.ptp(np.bincount(parts)) <= 3

    def test_seeds_differ(self) -> None:
        groups = [str(i) for i in range(20)]
        first, again, other = (balanced_parts([()] * 20, groups, 4, seed) for seed in (0, 0, 1))
        assert first == again != other


class TestSplit:
    def test_many_rare_labels_are_held_out_without_losing_one(self) -> None:
        clips = [Clip(Path(f"{i:02}"), ("common", f"only {i}") if i < 6 else ("common",)) for i in range(40)]
        split = split_clips(clips, test_fold=None, validation=0.1, seed=0)
        assert len(split.validation) == 4
        assert {label for clip in split.train for label in clip.labels} == {label for c in clips for label in c.labels}

    @pytest.mark.parametrize("share", [0.15, 0.3, 0.4, 0.5])
    def test_the_share_is_what_was_asked_for(self, share: float) -> None:
        clips = [Clip(Path(f"{i:03}"), ("even" if i % 2 else "odd",)) for i in range(210)]
        split = split_clips(clips, test_fold=None, validation=share, seed=0)
        assert len(split.validation) == pytest.approx(share * len(clips), rel=0.06)
        assert {c.path for c in split.validation}.isdisjoint(c.path for c in split.train)

    def test_splits_leave_no_choice_of_a_fold(self) -> None:
        clips = [clip("1", fold="1", split="train"), clip("2", fold="2", split="test")]
        with pytest.raises(ConfigError, match=r"fold '1' cannot be the test set, data\.split decides"):
            split_clips(clips, test_fold="1", validation=0, seed=0)

    def test_a_fold_is_the_test_set_and_groups_stay_whole(self, data: Path, config: Config) -> None:
        clips = read_clips(data, config.data)
        split = split_clips(clips, test_fold="1", validation=0.25, seed=0)
        assert {c.fold for c in split.test} == {"1"}
        sides = [{c.group for c in side} for side in (split.train, split.validation, split.test)]
        assert all(sides)
        assert sum(map(len, sides)) == len(set().union(*sides)) == 12
        assert {c.labels for c in split.validation} == {("high",), ("low",)}
        assert len(split.train) + len(split.validation) + len(split.test) == len(clips)

    def test_a_manifest_with_splits_decides(self) -> None:
        clips = [clip("1", split="train"), clip("2", split="validation"), clip("3", split="test")]
        split = split_clips(clips, test_fold=None, validation=0.5, seed=0)
        assert [split.train, split.validation, split.test] == [[clips[0]], [clips[1]], [clips[2]]]

    def test_without_validation_rows_whole_groups_of_the_training_rows_are_held_out(self, config: Config) -> None:
        clips = [clip(f"{i:02}", "ab"[i % 2], f"artist {i // 2}", split="train") for i in range(16)]
        clips += [clip(f"test {i}", group="another", split="test") for i in range(4)]
        split = split_clips(clips, test_fold=None, validation=0.25, seed=3)
        assert {name: len(side) for name, side in split.sides().items()} == {"train": 12, "validation": 4, "test": 4}
        assert split.test == clips[16:]
        assert {c.group for c in split.validation}.isdisjoint(c.group for c in split.train)
        assert {c.labels for c in split.validation} == {("a",), ("b",)}
        assert split_clips(clips, test_fold=None, validation=0, seed=3).train == clips[:16]
        model = tiny_spec(training={"recipe": {"seed": 3, "data": {"validation": 0.25}}})
        assert {name: clips_in(clips, name, config, model) for name in SPLITS} == split.sides()
        kept = tiny_spec(training={"recipe": {"data": {"validation": 0}}})
        with pytest.raises(ConfigError, match="the split 'validation' has no clips"):
            clips_in(clips, "validation", config, kept)

    def test_an_artist_on_both_sides_is_refused(self) -> None:
        clips = [clip("1", group="Bach", split="train"), clip("2", group="Bach", split="test")]
        with pytest.raises(
            ConfigError, match="group 'Bach' is in train and in test: the score would be too good; put each"
        ):
            split_clips(clips, test_fold=None, validation=0, seed=0)
        assert split_clips(clips, test_fold=None, validation=0, seed=0, allow_leaks=True).test == clips[1:]

    def test_one_group_cannot_be_divided(self) -> None:
        with pytest.raises(ConfigError, match=r"1 groups cannot give a validation share of 0\.5"):
            split_clips([clip("1", group="x"), clip("2", "b", group="x")], test_fold=None, validation=0.5, seed=0)

    @pytest.mark.parametrize(
        ("share", "count", "next_share"), [(0.15, 6, 0.16), (0.3, 6, 0.32), (0.15, 2, 0.48), (0.4, 4, 0.48)]
    )
    def test_clips_without_groups_are_called_clips_and_a_share_that_they_give_is_named(
        self, share: float, count: int, next_share: float
    ) -> None:
        clips = [clip(str(number), "ab"[number % 2]) for number in range(count)]
        with pytest.raises(ConfigError) as caught:
            split_clips(clips, test_fold=None, validation=share, seed=0)
        assert str(caught.value) == (
            f"{count} clips cannot give a validation share of {share:g}; set data.validation = 0 to train without one, "
            f"or {next_share:g}, which they can give, or add clips"
        )
        assert split_clips(clips, test_fold=None, validation=next_share, seed=0).validation

    def test_unknown_folds_and_splits_are_named(self) -> None:
        folds = [clip("1", fold="a"), clip("2", fold="b")]
        assert folds_of(folds) == ["a", "b"]
        with pytest.raises(ConfigError, match="has no fold 'c'; it has a, b"):
            split_clips(folds, test_fold="c", validation=0, seed=0)
        with pytest.raises(ConfigError, match=r"the manifest has \['dev'\]"):
            split_clips([clip("1", split="dev")], test_fold=None, validation=0, seed=0)


class TestCrops:
    @pytest.fixture
    def crops(self, data: Path, config: Config, tmp_path: Path) -> Callable[[Config], Batches]:
        clips = read_clips(data, config.data)
        cache = open_cache(tmp_path, clips, sound(), 0)
        return lambda config: Batches(cache, medium_of(config), clips, {MAIN: TaskSpec("single_label", LABELS)}, config)

    def test_an_epoch_holds_every_clip_equally_often(self, crops: Callable[[Config], Batches], config: Config) -> None:
        made = crops(config)
        targets = np.concatenate([made.batch(step)[1].numpy() for step in range(made.steps_per_epoch)])
        assert made.steps_per_epoch == 6
        assert targets.sum(axis=0).tolist() == [24, 24]
        assert (targets.sum(axis=1) == 1).all()

    def test_a_step_is_the_same_again_and_another_step_differs(
        self, crops: Callable[[Config], Batches], config: Config
    ) -> None:
        first, again, other = crops(config).batch(7)[0], crops(config).batch(7)[0], crops(config).batch(8)[0]
        assert (first.dtype, len(first)) == (torch.int16, 8)
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        assert not np.array_equal(first, crops(replace(config, seed=1)).batch(7)[0])

    def test_a_step_is_the_same_whatever_was_asked_before(
        self, crops: Callable[[Config], Batches], config: Config
    ) -> None:
        used = crops(config)
        for step in (7, 0, 13, 7, 1):  # epochs 1, 0, 2, 1, 0
            np.testing.assert_array_equal(used.batch(step)[0], crops(config).batch(step)[0])

    def test_the_ranks_share_the_batch(self, crops: Callable[[Config], Batches], config: Config) -> None:
        made = crops(config)
        whole = made.batch(3)[0].numpy()
        np.testing.assert_array_equal(made.batch(3, 0, 2)[0], whole[0::2])
        np.testing.assert_array_equal(made.batch(3, 1, 2)[0], whole[1::2])

    def test_faster_ones_have_more_samples_until_they_are_augmented(self) -> None:
        unchanged = AugmentConfig(gain_db=0, noise_db=(), polarity=False)
        medium = Sound(AudioSpec(16_000, 32_000, 32_000), unchanged)
        assert medium.nearest_speed(1.0) == 1.0
        speed = medium.nearest_speed(35_000 / 32_000)
        assert speed == 35_000 / 32_000
        tone, faster = (
            0.25 * torch.sin(2 * torch.pi * hz / 16_000 * torch.arange(length))[None]
            for hz, length in ((1000, 35_000), (1000 * speed, 32_000))
        )
        window = medium.augment((tone * FULL_SCALE).round().to(torch.int16), np.random.default_rng(0))
        assert window.shape == (1, 32_000)
        middle = slice(500, -500)
        torch.testing.assert_close(
            window[:, middle] / window.std(), faster[:, middle] / faster.std(), atol=0.02, rtol=0
        )

    def test_the_speed_of_a_batch_is_one_at_which_transforms_are_fast(
        self, crops: Callable[[Config], Batches], config: Config
    ) -> None:
        made = crops(replace(config, augment=replace(config.augment, speed=0.3)))
        lengths = {made.batch(step)[0].shape[1] for step in range(12)}
        assert len(lengths) > 8
        assert all(fast_length(length) == length for length in lengths)

    @pytest.mark.parametrize("tail", ["shift", "pad"])
    def test_clips_shorter_than_the_window_fill_it(
        self, crops: Callable[[Config], Batches], config: Config, tail: str
    ) -> None:
        spec = replace(config.input, window=20_000, tail=tail)
        quiet = replace(config.augment, speed=0.0)
        windows = crops(replace(config, input=spec, augment=quiet)).batch(0)[0].numpy()
        assert windows.shape == (8, 20_000)
        heard = (np.abs(windows) > 1e-3).mean(axis=1)  # the clips are 8,000 samples of loud tone
        assert (heard > 0.9).all() if tail == "shift" else ((heard > 0.3) & (heard < 0.45)).all()
