"""Moving digits: the direction is in the motion and in nothing else."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from audiocnn import Classifier
from audiocnn.errors import ConfigError
from training.cli.corpus import corpus
from training.corpora.moving_digits import DIRECTIONS, Scene, convert, draw_scene, film, positions
from training.corpora.strokes import HANDS, coverage, segments_of
from training.corpora.video import write_video

Rows = Callable[[Path], list[dict[str, str]]]


def scene(seed: int = 0, size: int = 64) -> Scene:
    return draw_scene(np.random.default_rng(seed), size)


def decode(path: Path) -> NDArray[np.float64]:
    with av.open(path) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    return np.stack(frames).astype(np.float64)


def direction_of(clip: NDArray[np.float64]) -> str:
    """The direction along which the digit moves: where correlation of frames without their background peaks."""
    digit = np.fft.rfft2(clip - np.median(clip, axis=0))
    lag = 3
    together = np.fft.irfft2((digit[lag:] * digit[:-lag].conj()).sum(axis=0), clip.shape[1:])
    size = clip.shape[1]
    down, right = (
        (value + size // 2) % size - size // 2 for value in np.unravel_index(together.argmax(), together.shape)
    )
    return DIRECTIONS[round(np.degrees(np.arctan2(-down, right)) / 45) % 8]


def test_files_labels_and_splits(tmp_path: Path, rows_of: Rows) -> None:
    counts = ["--train", "16", "--validation", "8", "--test", "0", "--frames", "5", "--size", "32"]
    answer = CliRunner().invoke(corpus, ["moving-digits", str(tmp_path / "digits"), *counts])
    assert answer.exit_code == 0, answer.output
    rows = rows_of(tmp_path / "digits")
    assert Counter((row["split"], row["label"]) for row in rows) == {
        (split, direction): count for split, count in (("train", 2), ("validation", 1)) for direction in DIRECTIONS
    }
    assert rows[9]["path"] == "train/north-east/00009.mp4"
    assert len({row["digit"] for row in rows}) > 3
    assert {row["hand"] for row in rows} == set(HANDS)
    with av.open(tmp_path / "digits" / rows[9]["path"]) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height, stream.frames) == ("h264", 32, 32, 5)
        assert stream.average_rate == 15


def test_a_seed_gives_the_same_files_whatever_the_counts(tmp_path: Path) -> None:
    for name, seed, test in (("one", 3, 0), ("two", 3, 8), ("other", 4, 0)):
        convert(tmp_path / name, seed=seed, train=8, validation=0, test=test, frames=3, size=32)
    clips = {
        name: [path.read_bytes() for path in sorted((tmp_path / name / "train").rglob("*.mp4"))]
        for name in ("one", "two", "other")
    }
    assert len(set(clips["one"])) == 8
    assert clips["one"] == clips["two"]
    assert not set(clips["one"]) & set(clips["other"])


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_digit_moves_the_way_its_label_says(tmp_path: Path, direction: str) -> None:
    drawn = replace(scene(), speed=1.5, noise=4.0)
    write_video(tmp_path / "clip.mp4", film(drawn, direction, 16, np.random.default_rng(0)), 15)
    assert direction_of(decode(tmp_path / "clip.mp4")) == direction


def test_motion_tells_the_direction_of_random_clips(tmp_path: Path, rows_of: Rows) -> None:
    convert(tmp_path / "digits", seed=1, train=24, validation=0, test=0)
    rows = rows_of(tmp_path / "digits")
    right = [direction_of(decode(tmp_path / "digits" / row["path"])) == row["label"] for row in rows]
    assert np.mean(right) > 0.9


def test_north_is_up_and_east_is_right() -> None:
    drawn = replace(scene(), start=np.array([20.0, 20.0]), speed=2.0)
    np.testing.assert_allclose(positions(drawn, "north", 3), [[20, 20], [20, 18], [20, 16]])
    np.testing.assert_allclose(positions(drawn, "south-east", 2)[1], [20 + 2**0.5, 20 + 2**0.5])
    np.testing.assert_allclose(positions(drawn, "west", 12)[-1], [62, 20])


def test_the_first_frame_is_the_same_for_every_direction() -> None:
    firsts = [film(scene(), direction, 2, np.random.default_rng(1))[0] for direction in DIRECTIONS]
    assert all(np.array_equal(first, firsts[0]) for first in firsts)


def test_in_every_frame_the_digit_is_anywhere_whatever_the_direction() -> None:
    scenes = [scene(seed, 32) for seed in range(1600)]
    for direction in DIRECTIONS:
        at = np.array([positions(drawn, direction, 16) for drawn in scenes])
        for frame in (0, 7, 15):
            counts = np.histogram2d(at[:, frame, 0], at[:, frame, 1], bins=4, range=[[0, 32], [0, 32]])[0]
            # 16 cells of 100 each, chi-square with 15 degrees of freedom: above 45 once in 10,000 times.
            assert ((counts - 100) ** 2 / 100).sum() < 45, (direction, frame)


def test_frames_are_coded_by_themselves(tmp_path: Path) -> None:
    clip = film(scene(), "east", 4, np.random.default_rng(0))
    write_video(tmp_path / "forwards.mp4", clip, 15)
    write_video(tmp_path / "backwards.mp4", clip[::-1], 15)
    forwards, backwards = decode(tmp_path / "forwards.mp4"), decode(tmp_path / "backwards.mp4")
    np.testing.assert_array_equal(forwards, backwards[::-1])
    assert np.abs(forwards - clip).mean() < 4


def test_what_leaves_the_picture_comes_back() -> None:
    segments = segments_of(HANDS["round"][3], 8 * np.eye(2))
    middle = coverage(segments, np.array([24.25, 24.5]), 2.0, 48)
    corner = coverage(segments, np.array([0.25, 47.5]), 2.0, 48)
    np.testing.assert_allclose(np.roll(middle, (23, -24), axis=(0, 1)), corner, atol=1e-12)


def test_a_stroke_covers_its_own_area() -> None:
    line = segments_of([np.array([[0.5, 0.0], [0.5, 2.0]])], np.array([[10.0, 0.0], [0.0, 10.0]]))
    picture = coverage(line, np.array([32.0, 32.0]), 3.0, 64)
    np.testing.assert_allclose(picture[32, 30:35], [0, 1, 1, 1, 0])
    # A bar of 20 by 3 pixels with a half disc of radius 1.5 at either end.
    assert picture.sum() == pytest.approx(20 * 3 + np.pi * 1.5**2, rel=0.02)
    with pytest.raises(ValueError, match="a digit that reaches 15 pixels from its middle does not fit a picture of 28"):
        coverage(line, np.array([1.0, 1.0]), 3.0, 28)


def test_every_digit_fits_the_smallest_picture() -> None:
    for seed in range(200):
        drawn = scene(seed, 32)
        assert coverage(drawn.segments, drawn.start, drawn.thickness, 32).max() > 0.5


def test_the_bundled_model_tells_directions_of_clips_it_never_saw(tmp_path: Path, rows_of: Rows) -> None:
    convert(tmp_path / "digits", seed=11, train=16, validation=0, test=0, size=96, frames=24)
    classifier = Classifier.load("moving-digits")
    clips = [(row["label"], tmp_path / "digits" / row["path"]) for row in rows_of(tmp_path / "digits")]
    assert [classifier.classify(path).predictions[0].label for _, path in clips] == [label for label, _ in clips]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": 0}, "train must be a multiple of 8, as many of each direction, got 0"),
        ({"train": 12}, "train must be a multiple of 8"),
        ({"test": -8}, "test must be a multiple of 8.* got -8"),
        ({"frames": 1}, "frames must be at least 2, motion needs them, got 1"),
        ({"size": 31}, "size must be an even number of pixels from 32 up, got 31"),
        ({"size": 30}, "size must be an even number of pixels from 32 up, got 30"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        convert(tmp_path / "digits", **options)
    assert list(tmp_path.iterdir()) == []
