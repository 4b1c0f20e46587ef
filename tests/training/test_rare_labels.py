"""Rare labels as frequent as others: weights and draws."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import ALONE
from training.config import Config
from training.data.rare_labels import balanced_order, label_weights
from training.setup import prepare


def test_weights_make_labels_count_alike_and_clips_once_in_the_mean() -> None:
    targets = np.eye(4)[[0] * 6 + [1] * 3 + [2]]  # and none of the last
    weights = label_weights(targets, "single_label")
    np.testing.assert_allclose(weights, [10 / 18, 10 / 9, 10 / 3, 1])
    totals = (targets * weights).sum(0)[:3]
    np.testing.assert_allclose(totals, totals[0])
    assert (targets * weights).sum() == pytest.approx(10)


def test_weights_of_tags_make_being_true_count_as_much_as_not() -> None:
    targets = np.array([[1, 0, 1, 0], [0, 0, 1, 0.5], [0, 0, 1, 0], [0, 0, 1, 0]])
    np.testing.assert_allclose(label_weights(targets, "multi_label"), [3, 1, 1, 7])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 5), st.integers(0, 99))
def test_draws_are_even_over_labels_and_over_the_clips_of_each(labels: list[int], rounds: int, seed: int) -> None:
    of_clips = np.array(labels)
    order = balanced_order(of_clips, len(labels) * rounds, np.random.default_rng(seed))
    assert len(order) == len(labels) * rounds
    drawn = [np.count_nonzero(of_clips[order] == label) for label in set(labels)]
    assert max(drawn) - min(drawn) <= 1
    for label in set(labels):
        times = [np.count_nonzero(order == clip) for clip in np.flatnonzero(of_clips == label)]
        assert max(times) - min(times) <= 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_groups_are_drawn_as_the_root_of_their_size(pairs: list[tuple[int, int]], rounds: int, seed: int) -> None:
    labels, groups = np.array(pairs).T
    order = balanced_order(labels, len(pairs) * rounds, np.random.default_rng(seed), groups)
    assert len(order) == len(pairs) * rounds
    drawn = {label: np.count_nonzero(labels[order] == label) for label in set(labels.tolist())}
    assert max(drawn.values()) - min(drawn.values()) <= 1
    for label, total in drawn.items():
        sizes = {group: np.count_nonzero((labels == label) & (groups == group)) for group in groups[labels == label]}
        roots = sum(size**0.5 for size in sizes.values())
        for group, size in sizes.items():
            for clip in np.flatnonzero((labels == label) & (groups == group)):
                expected = total * size**0.5 / roots / size
                assert expected - 1 < np.count_nonzero(order == clip) < expected + 1


def test_a_label_of_one_artist_and_many_others() -> None:
    groups = np.array([0] * 16 + list(range(1, 13)))  # weighs 4 beside 12 times 1
    order = balanced_order(np.zeros(28, int), 1600, np.random.default_rng(0), groups)
    assert np.count_nonzero(groups[order] == 0) == pytest.approx(400, abs=16)


def test_epochs_of_balanced_batches_follow_from_the_seed_alone(
    data: Path, tmp_path: Path, with_train: Callable[..., Config]
) -> None:
    lines = ["path,label", *(f"high/{i}.wav,high" for i in range(12)), *(f"low/{i}.wav,low" for i in range(3))]
    (data / "few.csv").write_text("\n".join(lines))
    config = with_train(batch_size=5, balance="sampling", crops_per_clip=2)
    config = replace(config, data=replace(config.data, manifest="few.csv", fold="", group=""))

    def names(step: int, config: Config = config) -> list[str]:
        """From batches that have seen no other step."""
        return [str(clip.path) for clip in prepare(config, data, tmp_path, ALONE, None).batches.clips(step)]

    batches = prepare(config, data, tmp_path, ALONE, None).batches
    assert batches.steps_per_epoch == 6
    in_turn = [[str(clip.path) for clip in batches.clips(step)] for step in range(12)]
    assert names(10) == in_turn[10]
    assert names(3) == in_turn[3]
    for epoch in (in_turn[:6], in_turn[6:]):
        drawn = [name for batch in epoch for name in batch]
        assert sum("low" in name for name in drawn) == 15
        assert len(set(drawn)) == 15
    assert in_turn[:6] != in_turn[6:]
    assert names(3, replace(config, seed=1)) != in_turn[3]


def test_a_recipe_makes_groups_count_as_the_root_of_their_size(
    data: Path, tmp_path: Path, with_train: Callable[..., Config]
) -> None:
    lines = ["path,label,artist", *(f"high/{i}.wav,high,{'many' if i < 9 else i}" for i in range(12))]
    (data / "artists.csv").write_text("\n".join([*lines, *(f"low/{i}.wav,low,low-{i}" for i in range(12))]))
    config = with_train(batch_size=24, balance="groups", crops_per_clip=2)
    config = replace(config, data=replace(config.data, manifest="artists.csv", fold="", group="artist", validation=0.0))
    batches = prepare(config, data, tmp_path, ALONE, None).batches
    drawn = [clip.group for step in range(batches.steps_per_epoch) for clip in batches.clips(step)]
    assert len(drawn) == 48
    assert sum(group.startswith("low") for group in drawn) == 24
    assert abs(drawn.count("many") - 12) <= 1  # 3 beside 1, 1 and 1 of the 24
