"""The numbers of a report, against values worked by hand, scikit-learn, and `measure`."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from audiocnn.spec import Quantity, TaskSpec
from training.answers import Answered
from training.metrics import clip_losses, measure
from training.report import weighted
from training.report.averaging import over_windows, window_metrics
from training.report.bootstrap import interval
from training.report.curves import confidence_bins, confidences, precision_recall, roc
from training.report.headline import metrics_of
from training.report.pool import Pool
from training.report.tables import by_group, confusion, per_label, top_confusions, worst_clips

ONCE = np.ones((1, 4))
GENRES = TaskSpec("single_label", ("blues", "jazz", "rock"))
YES = TaskSpec("binary", ("no", "yes"))
TAGS = TaskSpec("multi_label", ("drums", "guitar"))
TEMPO = TaskSpec("regression", ("tempo", "energy"), (Quantity("BPM", 0, 300, 120, 30), Quantity("", None, None, 0, 2)))
RATIO = TaskSpec("regression", ("bpm",), (Quantity("BPM", 30, 300, 4.8, 0.3, "log", bins=64, tolerance=0.04),))
BOTH = TaskSpec("regression", ("bpm", "energy"), (*RATIO.quantities, TEMPO.quantities[1]))


def pool(task: TaskSpec, scores: list[list[float]], targets: list[list[float]], **changes: object) -> Pool:
    """Two windows for each clip with the clip's own scores."""
    scores_, targets_ = np.array(scores, float), np.array(targets, float)
    rows = len(scores_)
    heard = np.asarray(changes.get("window_scores", np.repeat(scores_, 2, axis=0)))
    values: dict[str, object] = {
        "clips": [f"{i}.wav" for i in range(rows)],
        "groups": [f"{i}.wav" for i in range(rows)],
        "windows": np.full(rows, 2),
        "window_scores": heard,
        "window_start_s": np.arange(len(heard)) % 2 / 2,
        **changes,
    }
    logits = np.log(heard.clip(1e-300))  # their softmax are scores that add up to 1
    kept = Answered(logits=logits, starts_s=np.zeros(len(heard)), targets={}, **_of(values, "clips groups windows"))
    return Pool(task=task, scores=scores_, targets=targets_, runs=[(task, kept)], **values)  # type: ignore[arg-type]


def _of(values: dict[str, object], names: str) -> Any:
    return {name: values[name] for name in names.split()}


def one_hot(indices: list[int], count: int = 3) -> list[list[float]]:
    return np.eye(count)[indices].tolist()


class TestWeighted:
    @pytest.mark.parametrize("seed", range(3))
    def test_areas_are_scikit_learns_with_ties_and_weights(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        scores = random.integers(0, 8, 40) / 8
        truth = random.random(40) < 0.3
        weights = random.integers(0, 4, (5, 40)).astype(float)
        areas = weighted.roc_auc(scores, truth, weights)
        precisions = weighted.average_precision(scores, truth, weights)
        for i, row in enumerate(weights):
            assert areas[i] == pytest.approx(sklearn_metrics.roc_auc_score(truth, scores, sample_weight=row))
            expected = sklearn_metrics.average_precision_score(truth, scores, sample_weight=row)
            assert precisions[i] == pytest.approx(expected)

    def test_without_one_of_both_kinds_there_is_no_area(self) -> None:
        scores, truth = np.arange(4.0), np.array([True, True, False, False])
        only_true = np.array([[1.0, 2.0, 0.0, 0.0]])
        assert np.isnan(weighted.roc_auc(scores, truth, only_true))
        assert np.isnan(weighted.average_precision(scores, truth, 1 - np.sign(only_true)))

    def test_f1_by_hand(self) -> None:
        truth, answer = np.array([True, True, False, False]), np.array([True, False, True, False])
        assert weighted.f1(truth, answer, ONCE) == pytest.approx([0.5])
        assert weighted.f1(truth, answer, np.array([[3.0, 1, 1, 9], [0, 0, 0, 1]])) == pytest.approx([0.75, 0])

    def test_r2_and_correlation_by_hand(self) -> None:
        targets, answers = np.array([1.0, 2, 3, 4]), np.array([2.0, 2, 3, 3])
        assert weighted.r2(answers - targets, targets, ONCE) == pytest.approx([0.6])
        assert weighted.pearson(answers, targets, ONCE) == pytest.approx([np.corrcoef(answers, targets)[0, 1]])

    def test_of_clips_that_are_alike_there_is_neither(self) -> None:
        targets, answers = np.array([95.9, 80.3, 112.5, 132.6]), np.array([130.4, 144.6, 129.9, 80.9])
        one = np.array([[3.0, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 7]])
        assert np.isnan(weighted.r2(answers - targets, targets, one)).all()
        assert np.isnan(weighted.pearson(answers, targets, one)).all()


class TestHeadline:
    @pytest.mark.parametrize(
        ("task", "shares"),
        [
            (GENRES, False),
            (YES, False),
            (TAGS, False),
            (TAGS, True),
            (TEMPO, False),
            (RATIO, False),
            (BOTH, False),
            (TaskSpec("single_label", ("a", "b")), False),
        ],
    )
    def test_with_each_clip_once_the_metrics_are_those_of_measure(self, task: TaskSpec, shares: bool) -> None:
        random = np.random.default_rng(1)
        count = len(task.labels)
        scores = random.dirichlet(np.ones(count), 50)
        targets = np.eye(count)[random.integers(count, size=50)]
        if task.kind == "regression":
            scores, targets = random.normal(100, 20, (50, count)), random.normal(100, 20, (50, count))
            scores[:5] = 2 * targets[:5]
        else:
            scores[:2] = 0  # as silent clips score
        if task is TAGS:
            targets = random.random((50, count)) if shares else (random.random((50, count)) > 0.5).astype(float)
        merge = {"old": ["blues", "jazz"]} if task is GENRES else {}
        expected = {n: v for n, v in measure(scores, targets, task, merge).items() if isinstance(v, float)}
        found = {n: m(np.ones((1, 50)))[0] for n, m in metrics_of(scores, targets, task, merge).items()}
        assert found == pytest.approx(expected)

    @pytest.mark.parametrize("task", [GENRES, YES])
    def test_silent_clips_are_wrong_here_as_well(self, task: TaskSpec) -> None:
        random = np.random.default_rng(3)
        count = len(task.labels)
        scores, targets = random.dirichlet(np.ones(count), 50), np.eye(count)[random.integers(count, size=50)]
        scores[::9] = 0
        merge = {"old": ["blues", "jazz"]} if task is GENRES else {}
        expected, found = measure(scores, targets, task, merge), metrics_of(scores, targets, task, merge)
        assert expected["unanswered"] == 6
        for name in found.keys() - {"loss"}:
            assert found[name](np.ones((1, 50)))[0] == pytest.approx(expected[name]), name

    def test_a_clip_counted_twice_is_as_if_it_were_there_twice(self) -> None:
        random = np.random.default_rng(2)
        scores, targets = random.dirichlet(np.ones(3), 30), np.eye(3)[random.integers(3, size=30)]
        twice = np.append(np.arange(30), 7)
        weights = np.ones((1, 30))
        weights[0, 7] = 2
        expected = metrics_of(scores[twice], targets[twice], GENRES, {})
        for name, metric in metrics_of(scores, targets, GENRES, {}).items():
            assert metric(weights) == pytest.approx(expected[name](np.ones((1, 31))))

    def test_losses_by_hand(self) -> None:
        single = clip_losses(np.array([[0.5, 0.25, 0.25]]), np.array([[0.0, 1, 0]]), GENRES)
        assert single == pytest.approx([np.log(4)])
        several = clip_losses(np.array([[0.5, 0.25]]), np.array([[1.0, 0]]), TAGS)
        assert several == pytest.approx([(np.log(2) + np.log(4 / 3)) / 2])
        assert clip_losses(np.array([[150.0, 1]]), np.array([[120.0, 3]]), TEMPO) == pytest.approx([1.0])
        ratios = clip_losses(np.array([[100.0], [240.0]]), np.array([[120.0], [130.0]]), RATIO)
        assert ratios == pytest.approx([(np.log(1.2) / 0.3) ** 2, (np.log(240 / 130) / 0.3) ** 2])

    @pytest.mark.parametrize(("task", "truth"), [(GENRES, [0, 0, 1]), (TAGS, [1, 0]), (YES, [1, 0]), (YES, [0, 1])])
    def test_a_silent_clip_costs_the_same_in_every_task(self, task: TaskSpec, truth: list[int]) -> None:
        labels = len(truth) if task.kind == "multi_label" else 1
        (loss,) = clip_losses(np.zeros((1, len(truth))), np.array([truth], float), task)
        assert loss == pytest.approx(-np.log(np.finfo(float).eps) / labels)


class TestInterval:
    def test_clips_of_a_group_stay_together(self) -> None:
        values = np.repeat(np.arange(20) % 2, 10).astype(float)
        alone = interval(lambda w: weighted.mean(values, w), [str(i) for i in range(200)])
        together = interval(lambda w: weighted.mean(values, w), [str(i // 10) for i in range(200)])
        assert alone is not None
        assert together is not None
        # A share of 0.5 has a deviation of 0.5 / sqrt(n): of 200 clips 0.035, of 20 groups 0.112.
        assert alone[1] - alone[0] == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(200), rel=0.15)
        assert together[1] - together[0] == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(20), rel=0.15)

    def test_one_group_has_none(self) -> None:
        assert interval(lambda w: weighted.mean(np.arange(4.0), w), ["a"] * 4) is None

    def test_resamples_without_a_value_are_left_out(self) -> None:
        scores, truth = np.array([0.1, 0.2, 0.9]), np.array([False, False, True])
        assert interval(lambda w: weighted.roc_auc(scores, truth, w), ["a", "b", "c"]) == (1.0, 1.0)

    def test_many_clips_are_done_in_parts_with_the_same_result_each_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        values, groups = np.arange(50.0), [str(i) for i in range(50)]
        found = []
        for at_once in (50 * 7, 50 * 7, 10**6):
            monkeypatch.setattr("training.report.bootstrap._AT_ONCE", at_once)
            sizes: list[int] = []

            def metric(weights: np.ndarray, sizes: list[int] = sizes) -> np.ndarray:
                sizes.append(len(weights))
                return weighted.mean(values, weights)

            found.append(interval(metric, groups))
            assert sum(sizes) == 1000
            assert max(sizes) == min(1000, at_once // 50)
        assert found[0] == found[1]
        assert found[2] == pytest.approx(found[0], rel=0.05)


class TestCurves:
    def test_roc_and_precision_are_scikit_learns(self) -> None:
        random = np.random.default_rng(3)
        scores, truth = random.integers(0, 20, 60) / 20, random.random(60) < 0.4
        false, true, _ = sklearn_metrics.roc_curve(truth, scores, drop_intermediate=False)
        found = roc(scores, truth)
        np.testing.assert_allclose(found.x, false)
        np.testing.assert_allclose(found.y, true)
        precision, recall, _ = sklearn_metrics.precision_recall_curve(truth, scores)
        found = precision_recall(scores, truth)
        np.testing.assert_allclose(found.x[1:], recall[-2::-1])
        np.testing.assert_allclose(found.y[1:], precision[-2::-1])

    def test_bins_of_equally_many_answers(self) -> None:
        confidence = np.linspace(0.01, 0.30, 30)
        bins = confidence_bins(confidence, np.arange(30) >= 15)
        np.testing.assert_allclose(bins.confidence, np.linspace(0.015, 0.295, 15))
        np.testing.assert_allclose(bins.right, [0.0] * 7 + [0.5] + [1.0] * 7)
        assert len(confidence_bins(confidence[:4], np.ones(4, bool)).right) == 4

    def test_bins_cut_no_equal_answers_apart(self) -> None:
        for right in (np.repeat([True, False], 30), np.tile([True, False], 30)):
            bins = confidence_bins(np.full(60, 0.5), right)
            assert bins.right.tolist() == bins.confidence.tolist() == [0.5] * 15


class TestAveraging:
    def test_windows_alone_and_averaged_by_hand(self) -> None:
        # The first clip is right in the mean over its windows but only in one of two, the second has one window.
        heard = np.array([[0.9, 0.1, 0], [0.4, 0.6, 0], [0.2, 0.8, 0]])
        made = pool(
            GENRES,
            [[0.65, 0.35, 0], [0.2, 0.8, 0]],
            one_hot([0, 1]),
            windows=np.array([2, 1]),
            window_scores=heard,
            window_start_s=np.array([0, 0.5, 0]),
        )
        assert window_metrics(made, {})["accuracy"] == pytest.approx(2 / 3)
        curve = over_windows(made, "accuracy")
        assert list(curve) == [1, 2]
        assert 0.5 < curve[1] < 1
        assert curve[2] == 1

    def test_silent_clips_do_not_count_and_all_windows_give_the_clips_score(self) -> None:
        random = np.random.default_rng(4)
        windows = np.array([5, 0, 3, 5])
        heard = random.dirichlet(np.ones(3), 13)
        rows = np.repeat(np.arange(4), windows)
        scores = np.array([heard[rows == i].mean(axis=0) if windows[i] else np.zeros(3) for i in range(4)])
        made = pool(
            GENRES, scores.tolist(), one_hot([0, 1, 2, 0]), windows=windows, window_scores=heard, window_start_s=rows
        )
        curve = over_windows(made, "loss")
        assert list(curve) == [1, 2, 4, 5]
        expected = clip_losses(scores[windows > 0], made.targets[windows > 0], GENRES).mean()
        assert curve[5] == pytest.approx(expected)

    def test_one_window_each_has_nothing_to_average(self) -> None:
        made = pool(GENRES, one_hot([0, 1]), one_hot([0, 1]), windows=np.ones(2, int), window_scores=np.eye(3)[:2])
        assert window_metrics(made, {}) == {}
        assert list(over_windows(made, "accuracy")) == [1]


class TestTables:
    ANSWERS = pool(
        GENRES,
        [[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.3, 0.1, 0.6], [0.1, 0.3, 0.6], [0.45, 0.55, 0]],
        one_hot([0, 1, 2, 1, 0]),
        clips=["a", "b", "c", "d", "a"],  # a was tested with two seeds
        groups=["X", "Y", "Y", "Z", "X"],
    )

    def test_confusion(self) -> None:
        counts = confusion(self.ANSWERS)
        assert counts.tolist() == [[1, 1, 0], [0, 0, 2], [0, 0, 1]]
        assert top_confusions(counts, 9) == [(1, 2, 2), (0, 1, 1)]
        assert top_confusions(counts, 1) == [(1, 2, 2)]

    def test_labels(self) -> None:
        blues, jazz, rock = per_label(self.ANSWERS)
        assert (blues["clips"], blues["precision"], blues["recall"]) == (2, 1, 0.5)
        assert (jazz["clips"], jazz["precision"], jazz["recall"], jazz["f1"]) == (2, 0, 0, 0)
        assert (rock["precision"], rock["recall"], rock["f1"]) == (pytest.approx(1 / 3), 1, pytest.approx(0.5))
        assert rock["roc_auc"] == pytest.approx(0.625)

    def test_a_silent_clip_is_no_answer_of_the_first_label(self) -> None:
        made = pool(
            GENRES,
            [[0, 0, 0], [0.8, 0.1, 0.1], [0.1, 0.2, 0.7]],
            one_hot([0, 0, 1]),
            groups=["X", "Y", "Y"],
            windows=np.array([0, 1, 1]),
            window_scores=np.array([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7]]),
            window_start_s=np.zeros(2),
        )
        assert confusion(made).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
        blues = per_label(made)[0]
        assert (blues["clips"], blues["precision"], blues["recall"]) == (2, 1, 0.5)
        assert [(row.name, row.error, row.said) for row in by_group(made)] == [("X", 1, ""), ("Y", 0.5, "rock")]
        assert [clip.name for clip in worst_clips(made, 9)] == ["0.wav", "2.wav"]
        assert confidences(made)[1].tolist() == [False, True, False]

    def test_several_labels_are_decided_at_their_thresholds(self) -> None:
        scores, truth = [[0.3, 0.6], [0.1, 0.2]], [[1, 1], [0, 0]]
        assert per_label(pool(TAGS, scores, truth))[0]["recall"] == 0
        tuned = TaskSpec("multi_label", TAGS.labels, thresholds=(0.25, 0.9))
        drums, guitar = per_label(pool(tuned, scores, truth))
        assert (drums["recall"], guitar["recall"]) == (1, 0)
        assert np.isnan(guitar["precision"])

    def test_amounts(self) -> None:
        tempo, energy = per_label(pool(TEMPO, [[100, 1], [120, 1]], [[90, 2], [120, 2]]))
        assert (tempo["mae"], tempo["bias"], tempo["mean"]) == (5, 5, 105)
        assert tempo["r2"] == pytest.approx(1 - 50 / 225)
        assert np.isnan(energy["r2"])

    def test_groups_with_the_most_wrong_first(self) -> None:
        z, y, x = by_group(self.ANSWERS)  # of equally wrong ones that with more clips
        assert (z.name, z.clips, z.error, z.truth, z.said) == ("Z", 1, 1.0, "jazz", "rock")
        assert (y.name, y.clips, y.error, y.truth, y.said) == ("Y", 2, 0.5, "jazz, rock", "rock")
        assert (x.name, x.clips, x.error) == ("X", 1, 0.5)

    def test_clips_that_are_groups_of_their_own_are_no_groups(self) -> None:
        assert by_group(pool(GENRES, one_hot([0]), one_hot([1]))) == []

    def test_worst_clips_over_seeds(self) -> None:
        worst = worst_clips(self.ANSWERS, 9)
        assert [clip.name for clip in worst] == ["b", "d", "a"]  # c is right
        a = worst[2]
        assert a.loss == pytest.approx(-(np.log(0.8) + np.log(0.45)) / 2)
        assert a.said.tolist() == pytest.approx([0.625, 0.325, 0.05])
        assert (a.windows_right, a.group) == (0.5, "X")
        assert len(worst_clips(self.ANSWERS, 1)) == 1

    def test_on_a_log_scale_ratios_make_clips_and_groups_worse(self) -> None:
        # 30 BPM too many of 60 are half as much again, 40 too many of 200 a fifth.
        made = pool(RATIO, [[90.0], [240.0], [61.0]], [[60.0], [200.0], [60.0]], groups=["slow", "fast", "slow"])
        assert [clip.name for clip in worst_clips(made, 3)] == ["0.wav", "1.wav", "2.wav"]
        assert [(row.name, row.error) for row in by_group(made)] == [
            ("slow", pytest.approx((np.log(90 / 60) ** 2 + np.log(61 / 60) ** 2) / 2 / 0.3**2)),
            ("fast", pytest.approx((np.log(240 / 200) / 0.3) ** 2)),
        ]

    def test_of_a_quantity_a_worst_clip_shows_what_a_seed_said_and_not_a_value_between(self) -> None:
        (clip,) = worst_clips(pool(RATIO, [[60.0], [125.0]], [[120.0], [120.0]], clips=["a", "a"]), 1)
        assert clip.said.tolist() == [60]
        assert clip.loss == pytest.approx((np.log(2) ** 2 + np.log(125 / 120) ** 2) / 2 / 0.3**2)

    def test_where_a_clip_is_worst(self) -> None:
        heard = np.array([[0.4, 0.6, 0], [0.0, 0.9, 0.1], [0.3, 0.7, 0]])
        made = pool(
            GENRES,
            [[0.2, 0.7, 0.1]],
            one_hot([0]),
            windows=np.array([3]),
            window_scores=heard,
            window_start_s=np.array([0, 1.5, 3]),
        )
        (clip,) = worst_clips(made, 1)
        assert (clip.worst_start_s, clip.windows_right) == (1.5, 0)
