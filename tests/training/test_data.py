"""Manifest, split, cache and crops."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiocnn.audio.decode import decode
from audiocnn.errors import ConfigError
from audiocnn.spec import AudioSpec, TaskSpec
from training.config import AugmentConfig, Config, DataConfig
from training.data.batches import Batches
from training.data.cache import open_cache
from training.data.manifest import Clip, label_names, read_clips
from training.data.media import medium_of
from training.data.sound import FULL_SCALE, Sound, samples_of
from training.data.split import folds_of, split_clips

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
            ("path,label\n", "found no clips"),
        ],
    )
    def test_what_is_wrong_is_said(self, data: Path, content: str, message: str) -> None:
        (data / "bad.csv").write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_clips(data, DataConfig(manifest="bad.csv"))

    def test_a_missing_folder_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="does not exist; name it with --data"):
            read_clips(tmp_path / "none", DataConfig())


class TestSplit:
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

    def test_an_artist_on_both_sides_is_refused(self) -> None:
        clips = [clip("1", group="Bach", split="train"), clip("2", group="Bach", split="test")]
        with pytest.raises(ConfigError, match="group 'Bach' is in train and in test"):
            split_clips(clips, test_fold=None, validation=0, seed=0)

    def test_one_group_cannot_be_divided(self) -> None:
        with pytest.raises(ConfigError, match=r"1 groups cannot give a validation share of 0\.5"):
            split_clips([clip("1", group="x"), clip("2", "b", group="x")], test_fold=None, validation=0.5, seed=0)

    def test_unknown_folds_and_splits_are_named(self) -> None:
        folds = [clip("1", fold="a"), clip("2", fold="b")]
        assert folds_of(folds) == ["a", "b"]
        with pytest.raises(ConfigError, match="has no fold 'c'; it has a, b"):
            split_clips(folds, test_fold="c", validation=0, seed=0)
        with pytest.raises(ConfigError, match=r"the manifest has \['dev'\]"):
            split_clips([clip("1", split="dev")], test_fold=None, validation=0, seed=0)


class TestCache:
    def test_it_holds_what_decode_gives(self, data: Path, config: Config, tmp_path: Path) -> None:
        clips = read_clips(data, config.data)
        cache = open_cache(tmp_path, clips, sound(), 0)
        expected = decode(clips[5].path).samples[0]
        np.testing.assert_allclose(samples_of(cache.items(clips[5])), expected, atol=1 / FULL_SCALE)
        np.testing.assert_array_equal(cache.items(clips[5], 100, 200), cache.items(clips[5])[100:200])
        assert cache.num_items(clips[5]) == len(expected)

    def test_it_is_made_once_and_anew_for_another_rate(self, data: Path, config: Config, tmp_path: Path) -> None:
        clips = read_clips(data, config.data)
        open_cache(tmp_path, clips, sound(), 0)
        made = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        open_cache(tmp_path, clips, sound(), 0)
        assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == made
        assert open_cache(tmp_path, clips, sound(4000), 0).num_items(clips[0]) == 4000
        assert len(list(tmp_path.iterdir())) == 2 * len(made)

    def test_clips_that_cannot_be_read_are_skipped_up_to_a_share(self, tmp_path: Path) -> None:
        good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
        soundfile.write(good, np.zeros(100), 8000)
        bad.write_bytes(b"RIFF no more")
        clips = [clip(str(good)), clip(str(bad), "b")]
        cache = open_cache(tmp_path / "cache", clips, sound(), 0.5)
        assert cache.readable(clips) == clips[:1]
        with pytest.raises(ConfigError, match=r"1 of 2 clips cannot be decoded.*bad\.wav"):
            open_cache(tmp_path / "cache", clips, sound(), 0.4)

    def test_a_cache_cut_short_is_refused(self, data: Path, config: Config, tmp_path: Path) -> None:
        clips = read_clips(data, config.data)
        open_cache(tmp_path, clips, sound(), 0)
        (file,) = tmp_path.glob("*.bin")
        file.write_bytes(file.read_bytes()[:-2])
        with pytest.raises(ConfigError, match="is cut short; delete it"):
            open_cache(tmp_path, clips, sound(), 0)


class TestCrops:
    @pytest.fixture
    def crops(self, data: Path, config: Config, tmp_path: Path) -> Callable[[Config], Batches]:
        clips = read_clips(data, config.data)
        cache = open_cache(tmp_path, clips, sound(), 0)
        return lambda config: Batches(cache, medium_of(config), clips, TaskSpec("single_label", LABELS), config)

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
        assert first.shape == (8, 4000)
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
