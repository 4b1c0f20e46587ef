import numpy as np
import pytest

from audiocnn.errors import ConfigError
from audiocnn.spec import TaskSpec
from training.metrics import NO_ANSWER, best_labels, measure, merge_matrix

GENRES = TaskSpec("single_label", ("classical", "pop", "rock"))


def test_single_label_by_hand() -> None:
    targets = np.eye(3)[[0, 0, 1, 2]]
    scores = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.3, 0.6], [0.1, 0.2, 0.7]])
    metrics = measure(scores, targets, GENRES, {"pop or rock": ["pop", "rock"]})
    assert metrics["accuracy"] == 0.5
    assert metrics["merged_accuracy"] == 0.75  # the pop clip called rock counts, the classical one called pop does not
    assert metrics["confusion"] == [[1, 1, 0], [0, 0, 1], [0, 0, 1]]
    assert metrics["loss"] == pytest.approx(-np.log([0.8, 0.2, 0.3, 0.7]).mean())
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 0 + 2 / 3) / 3)


def test_merging_adds_scores_before_choosing() -> None:
    scores = np.array([[0.4, 0.3, 0.3]])
    metrics = measure(scores, np.array([[0.0, 1.0, 0.0]]), GENRES, {"other": ["pop", "rock"]})
    assert metrics["accuracy"] == 0
    assert metrics["merged_accuracy"] == 1


def test_multi_label_by_hand_and_a_label_that_never_occurs_is_left_out() -> None:
    task = TaskSpec("multi_label", ("calm", "tense", "never"))
    targets = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]], float)
    scores = np.array([[0.9, 0.2, 0.5], [0.4, 0.1, 0.5], [0.8, 0.3, 0.5], [0.1, 0.9, 0.5]])
    metrics = measure(scores, targets, task, {})
    assert metrics["roc_auc"] == pytest.approx((1.0 + 0.5) / 2)
    assert metrics["average_precision"] == pytest.approx((1.0 + 0.75) / 2)
    assert metrics["loss"] > 0


def test_merging_an_unknown_label_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown labels polka; known: classical, pop, rock"):
        merge_matrix(GENRES.labels, {"x": ["polka"]})


def test_silent_clips_score_0_and_have_a_loss_without_a_warning() -> None:
    task = TaskSpec("single_label", ("a", "b"))
    measured = measure(np.array([[0.0, 0.0], [0.5, 0.5]]), np.array([[1.0, 0.0], [0.0, 1.0]]), task, {})
    assert measured["loss"] == pytest.approx((np.log(2) - np.log(np.finfo(float).eps)) / 2)


class TestASilentClip:
    """It scores 0 for every label, and is no answer of the first one."""

    def test_is_wrong_and_in_no_column(self) -> None:
        scores, targets = np.array([[0.0, 0, 0], [0.7, 0.2, 0.1], [0.2, 0.5, 0.3]]), np.eye(3)[[0, 0, 1]]
        metrics = measure(scores, targets, GENRES, {"old": ["classical", "pop"]})
        assert best_labels(scores).tolist() == [NO_ANSWER, 0, 1]
        assert metrics["accuracy"] == metrics["merged_accuracy"] == pytest.approx(2 / 3)
        assert metrics["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)  # half of the classical clips are found
        assert metrics["confusion"] == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
        assert (metrics["clips"], metrics["unanswered"]) == (3, 1)

    def test_is_no_no_either(self) -> None:
        task = TaskSpec("binary", ("no", "yes"))
        scores, targets = np.array([[0.0, 0], [0.0, 0], [0.8, 0.2], [0.3, 0.7]]), np.eye(2)[[0, 1, 0, 1]]
        metrics = measure(scores, targets, task, {})
        assert metrics["accuracy"] == 0.5
        assert metrics["f1"] == pytest.approx(2 / 3)  # one yes of two is found
        assert (metrics["confusion"], metrics["unanswered"]) == ([[1, 0], [0, 1]], 2)

    def test_is_counted_only_where_there_is_one(self) -> None:
        assert "unanswered" not in measure(np.eye(3), np.eye(3), GENRES, {})
        alone = measure(np.zeros((1, 3)), np.eye(3)[:1], GENRES, {})
        assert (alone["accuracy"], alone["unanswered"]) == (0, 1)
