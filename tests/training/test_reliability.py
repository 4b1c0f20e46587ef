"""Calibration error, Brier score and abstaining, by hand."""

import numpy as np
import pytest

from audiocnn.spec import MAIN, Quantity, TaskSpec
from training.reliability import BINS, all_reliability, calibration_error, coverage_accuracy, decisions, reliability

ONE = TaskSpec("single_label", ("a", "b", "c"))
BINARY = TaskSpec("binary", ("no", "yes"))


class TestCalibrationError:
    def test_bins_have_as_many_clips_each(self) -> None:
        """One clip a bin: each one's distance counts by itself; two in a bin may make up for each other."""
        scores = np.linspace(0.5, 0.9, BINS)
        right = np.arange(BINS) % 2.0
        assert calibration_error(scores, right) == pytest.approx(np.abs(scores - right).mean())
        both = calibration_error(np.repeat(0.75, 4 * BINS), np.tile([1.0, 1, 1, 0], BINS))
        assert both == pytest.approx(0)

    def test_too_sure_is_measured_by_how_much(self) -> None:
        random = np.random.default_rng(0)
        scores = random.uniform(0.5, 1, 40_000)
        right = random.random(40_000) < scores - 0.2
        assert calibration_error(scores, right) == pytest.approx(0.2, abs=0.01)
        assert calibration_error(scores, random.random(40_000) < scores) < 0.01

    def test_a_bin_is_about_scores_of_its_own_height(self) -> None:
        scores, right = np.repeat([0.2, 0.8], [10, 20]), np.repeat([1.0, 0.0], [10, 20])
        mixed = np.random.default_rng(0).permutation(30)
        assert calibration_error(scores[mixed], right[mixed]) == pytest.approx(0.8)

    def test_the_order_of_clips_with_equal_scores_makes_no_difference(self) -> None:
        """60 clips of two labels, all at 0.5; and many of few different scores."""
        scores, right = np.full(60, 0.5), np.repeat([True, False], 30)
        assert calibration_error(scores, right) == calibration_error(scores, np.tile([True, False], 30)) == 0
        assert {point["accuracy"] for point in coverage_accuracy(scores, right)} == {0.5}
        random = np.random.default_rng(0)
        scores, right = random.integers(1, 8, 200) / 8, random.random(200) < 0.6
        orders = [random.permutation(200) for _ in range(20)] + [np.argsort(right), np.argsort(~right)]
        assert len({calibration_error(scores[order], right[order]) for order in orders}) == 1
        curve = coverage_accuracy(scores, right)
        assert all(coverage_accuracy(scores[order], right[order]) == curve for order in orders)

    def test_fewer_clips_than_bins(self) -> None:
        assert calibration_error(np.array([0.9, 0.6]), np.array([True, False])) == pytest.approx((0.1 + 0.6) / 2)


class TestReliability:
    SCORES = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3]])
    TARGETS = np.array([[1.0, 0, 0], [0, 0, 1]])

    def test_a_single_label(self) -> None:
        found = reliability(self.SCORES, self.TARGETS, ONE)
        assert found["brier"] == pytest.approx((0.09 + 0.04 + 0.01 + 0.04 + 0.25 + 0.49) / 2)
        assert found["ece"] == pytest.approx((0.3 + 0.5) / 2)
        assert set(found) == {"ece", "brier", "coverage_accuracy"}

    def test_unknown_clips_are_counted(self) -> None:
        task = TaskSpec("single_label", ("a", "b", "c"), unknown_below=0.6)
        found = reliability(self.SCORES, self.TARGETS, task)
        assert (found["coverage"], found["accuracy_answered"]) == (0.5, 1.0)
        nobody = reliability(self.SCORES, self.TARGETS, ONE, np.zeros((2, 3), np.bool_))
        assert nobody["coverage"] == 0.0
        assert "accuracy_answered" not in nobody

    @pytest.mark.parametrize("task", [ONE, BINARY])
    def test_a_silent_clip_is_wrong_and_undecided(self, task: TaskSpec) -> None:
        count = len(task.labels)
        scores, targets = np.eye(count)[[0, 0, 1]], np.eye(count)[[0, 0, 1]]
        scores[1] = 0
        assert decisions(scores, task).tolist() == [[i == j for j in range(count)] for i in (0, None, 1)]
        found = reliability(scores, targets, task)
        assert (found["coverage"], found["accuracy_answered"]) == (pytest.approx(2 / 3), 1)
        assert found["ece"] == 0  # it is as sure as it is right: not at all
        assert found["coverage_accuracy"][-1] == {"coverage": 1, "accuracy": pytest.approx(2 / 3), "score": 0}
        assert found["coverage_accuracy"][0]["accuracy"] == 1

    def test_two_labels_have_the_error_of_one(self) -> None:
        found = reliability(np.array([[0.4, 0.6], [0.9, 0.1]]), np.array([[1.0, 0], [1, 0]]), BINARY)
        assert found["brier"] == pytest.approx((0.36 + 0.01) / 2)
        assert found["ece"] == pytest.approx((0.6 + 0.1) / 2)

    def test_several_labels_by_their_thresholds(self) -> None:
        task = TaskSpec("multi_label", ("a", "b"), thresholds=(0.3, 0.9))
        scores, targets = np.array([[0.4, 0.8], [0.2, 0.95]]), np.array([[1.0, 0], [1, 1]])
        assert decisions(scores, task).tolist() == [[True, False], [False, True]]
        found = reliability(scores, targets, task)
        assert found == pytest.approx(
            {
                "ece": ((0.6 + 0.8) / 2 + (0.8 + 0.05) / 2) / 2,
                "brier": (0.36 + 0.64 + 0.64 + 0.0025) / 4,
                "macro_f1": (2 / 3 + 1) / 2,
            }
        )
        assert set(reliability(scores, targets / 2, task)) == {"ece", "brier"}

    def test_each_task_by_its_name_and_numbers_not_at_all(self) -> None:
        number = TaskSpec("regression", ("x",), (Quantity(""),))
        scores = {MAIN: self.SCORES, "n": np.zeros((2, 1)), "b": np.array([[0.4, 0.6], [0.9, 0.1]])}
        targets = {MAIN: self.TARGETS, "n": np.zeros((2, 1)), "b": np.array([[1.0, 0], [1, 0]])}
        found = all_reliability(scores, targets, {MAIN: ONE, "n": number, "b": BINARY})
        assert set(found) == {"ece", "brier", "coverage_accuracy", "side"}
        assert set(found["side"]) == {"b"}


def test_the_surest_clips_come_first() -> None:
    scores = np.array([0.5, 0.9, 0.7, 0.6])
    curve = coverage_accuracy(scores, np.array([False, True, True, False]))
    assert len(curve) == 20
    assert curve[0] == {"coverage": 0.25, "accuracy": 1.0, "score": 0.9}
    assert curve[9] == {"coverage": 0.5, "accuracy": 1.0, "score": 0.7}
    assert curve[-1] == {"coverage": 1.0, "accuracy": 0.5, "score": 0.5}
