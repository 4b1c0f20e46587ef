"""Heads: answers and losses by hand, that both mean the same, and that answers need no torch."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from audiocnn.nn.heads import Heads, head_of
from audiocnn.spec import Quantity, TaskSpec

TEMPO = Quantity("BPM", 60, 200, mean=120.0, deviation=30.0)
KEY = Quantity("", mean=-2.0, deviation=0.5)
TASKS = {
    "single_label": TaskSpec("single_label", ("a", "b", "c")),
    "multi_label": TaskSpec("multi_label", ("a", "b", "c")),
    "binary": TaskSpec("binary", ("healthy", "ill")),
    "regression": TaskSpec("regression", ("tempo", "key"), (TEMPO, KEY)),
}
LOGITS = np.array([[0.0, 1.0, -2.0], [1000.0, 0.0, -1000.0], [-1e30, 1e30, 0.0]])


def test_number_of_outputs():
    assert {kind: head_of(task).num_outputs for kind, task in TASKS.items()} == {
        "single_label": 3,
        "multi_label": 3,
        "binary": 1,
        "regression": 2,
    }


class TestAnswers:
    def test_softmax(self):
        out = head_of(TASKS["single_label"]).answers(LOGITS)
        e = np.exp([0.0, 1.0, -2.0])
        np.testing.assert_allclose(out[0], e / e.sum())
        np.testing.assert_array_equal(out[1:], [[1, 0, 0], [0, 1, 0]])

    def test_a_sigmoid_for_each_label(self):
        out = head_of(TASKS["multi_label"]).answers(LOGITS)
        np.testing.assert_allclose(out[0], 1 / (1 + np.exp([0.0, -1.0, 2.0])))
        np.testing.assert_array_equal(out[1:], [[1, 0.5, 0], [0, 1, 0.5]])

    def test_one_logit_is_for_the_second_of_two_labels(self):
        out = head_of(TASKS["binary"]).answers(np.array([[0.0], [np.log(3)], [1e30], [-1e30]]))
        np.testing.assert_allclose(out, [[0.5, 0.5], [0.25, 0.75], [0, 1], [1, 0]])

    def test_deviations_from_the_mean_clipped_to_the_legal_range(self):
        out = head_of(TASKS["regression"]).answers(np.array([[0.0, 0.0], [1.5, -3.0], [9.0, 1e6], [-9.0, -1e6]]))
        np.testing.assert_array_equal(out, [[120, -2], [165, -3.5], [200, 499_998], [60, -500_002]])


class TestClips:
    @pytest.mark.parametrize("kind", list(TASKS))
    def test_are_answered_by_the_mean_of_their_windows(self, kind):
        head = head_of(TASKS[kind])
        logits = np.random.default_rng(2).standard_normal((6, head.num_outputs))
        answers = head.answers(logits)
        expected = [answers[:2].mean(0), answers[2], answers[3:].mean(0)]
        np.testing.assert_allclose(head.of_clips(logits, np.array([2, 1, 3])), expected)

    def test_several_tasks_stand_side_by_side(self):
        heads = Heads({"": TASKS["binary"], "more": TASKS["regression"]})
        logits = np.random.default_rng(3).standard_normal((3, 3))
        expected = heads.answers(logits)
        np.testing.assert_allclose(heads.of_clips(logits, np.array([2, 1])), [expected[:2].mean(0), expected[2]])


class TestLogScalesAndBins:
    LOG = Quantity("BPM", 30, 240, mean=math.log(120.0), deviation=0.5, scale="log")
    BINS = Quantity("BPM", 30, 240, scale="log", bins=25)  # eight to an octave
    BOTH = TaskSpec("regression", ("key", "tempo"), (KEY, BINS))

    def test_a_log_scale_answers_values_in_their_unit(self):
        head = head_of(TaskSpec("regression", ("tempo",), (self.LOG,)))
        logits = np.array([[0.0], [-2 * np.log(2)], [9.0], [1e30], [-1e30]])
        np.testing.assert_allclose(head.answers(logits)[:, 0], [120, 60, 240, 240, 30])
        targets = torch.tensor([[60.0]])
        assert head.loss(torch.tensor([[-2 * np.log(2)]]), targets).item() == pytest.approx(0, abs=1e-12)
        assert head.loss(torch.tensor([[0.0]]), targets).item() == pytest.approx((2 * np.log(2)) ** 2)

    def test_bins_stand_beside_other_quantities(self):
        head = head_of(self.BOTH)
        assert head.num_outputs == 26
        logits = np.zeros((1, 26))
        logits[0, [0, 1 + 8]] = 3.0, 50.0
        np.testing.assert_allclose(head.answers(logits), [[-0.5, 60]])

    def test_of_two_peaks_the_higher_one_answers_and_not_their_mean(self):
        logits = np.full((1, 25), -20.0)
        logits[0, [8, 16]] = 2.0, 2.1
        head = head_of(TaskSpec("regression", ("tempo",), (self.BINS,)))
        np.testing.assert_allclose(head.answers(logits), [[120]])

    def test_windows_in_doubt_between_two_peaks_decide_together_and_never_between_them(self):
        logits = np.full((5, 25), -20.0)
        logits[[0, 1], 8] = 5.0
        logits[2, [8, 16]] = 2.0, 2.1
        logits[3, 16] = 5.0
        logits[4, 3] = 5.0
        head = head_of(TaskSpec("regression", ("tempo",), (self.BINS,)))
        low, other = head.answers(logits)[[0, 4], 0]
        np.testing.assert_allclose(head.of_clips(logits, np.array([4, 1, 0]))[:2, 0], [low, other])
        assert low == pytest.approx(60)

    @pytest.mark.parametrize("tempo", [60.0, 62.0, 133.7])
    def test_the_answer_of_least_loss_is_the_target(self, tempo):
        head = head_of(TaskSpec("regression", ("tempo",), (self.BINS,)))
        logits = torch.zeros((1, 25), requires_grad=True)
        optimizer = torch.optim.LBFGS([logits], max_iter=100, line_search_fn="strong_wolfe")

        def loss():
            optimizer.zero_grad()
            value = head.loss(logits, torch.tensor([[tempo]]))
            value.backward()
            return value

        optimizer.step(loss)
        assert head.answers(logits.detach().double().numpy())[0, 0] == pytest.approx(tempo, rel=0.005)

    def test_a_target_outside_the_range_pulls_to_its_edge(self):
        head = head_of(TaskSpec("regression", ("tempo",), (self.BINS,)))
        logits = torch.zeros((1, 25), requires_grad=True)
        head.loss(logits, torch.tensor([[700.0]])).backward()
        assert logits.grad.argmin() == 24


class TestLosses:
    def loss(self, kind, logits, targets, smoothing=0.0):
        return head_of(TASKS[kind]).loss(torch.tensor(logits), torch.tensor(targets), smoothing).item()

    @pytest.mark.parametrize("kind", ["single_label", "multi_label", "binary"])
    def test_is_the_log_of_the_score_of_the_truth(self, kind):
        random = np.random.default_rng(0)
        head, labels = head_of(TASKS[kind]), len(TASKS[kind].labels)
        logits = random.standard_normal((5, head.num_outputs))
        targets = np.eye(labels)[random.integers(labels, size=5)]
        scores = head.answers(logits)
        if kind == "multi_label":
            expected = -np.log(np.where(targets == 1, scores, 1 - scores)).mean()
        else:
            expected = -np.log(scores[targets == 1]).mean()
        assert self.loss(kind, logits, targets) == pytest.approx(expected)

    def test_smoothing_draws_targets_to_the_middle(self):
        one = [[2.0]]
        mixed = 0.95 * np.log(1 + np.exp(-2.0)) + 0.05 * np.log(1 + np.exp(2.0))
        assert self.loss("binary", one, [[0.0, 1.0]], 0.1) == pytest.approx(mixed)
        assert self.loss("multi_label", [[2.0] * 3], [[1.0] * 3], 0.1) == pytest.approx(mixed)
        spread = 0.9 + 0.1 / 3
        logits = np.log([[0.7, 0.2, 0.1]])
        expected = -(spread * np.log(0.7) + 0.1 / 3 * (np.log(0.2) + np.log(0.1)))
        assert self.loss("single_label", logits, [[1.0, 0.0, 0.0]], 0.1) == pytest.approx(expected)

    def test_shares_of_labels_are_targets_too(self):
        """As mixup makes them."""
        assert self.loss("binary", [[2.0]], [[0.05, 0.95]]) == pytest.approx(
            0.95 * np.log(1 + np.exp(-2.0)) + 0.05 * np.log(1 + np.exp(2.0))
        )

    @pytest.mark.parametrize("kind", ["single_label", "multi_label", "binary"])
    def test_a_weight_counts_a_true_label_so_often(self, kind):
        random = np.random.default_rng(1)
        head, labels = head_of(TASKS[kind]), len(TASKS[kind].labels)
        logits = random.standard_normal((6, head.num_outputs))
        targets, weights = np.eye(labels)[random.integers(labels, size=6)], random.uniform(0.2, 5, labels)
        terms = weights * targets * np.log(head.answers(logits))
        if kind == "multi_label":
            terms = terms + (1 - targets) * np.log(1 - head.answers(logits))
        expected = -terms.sum() / (6 * labels if kind == "multi_label" else 6)
        loss = head.loss(torch.tensor(logits), torch.tensor(targets), weights=torch.tensor(weights))
        assert loss.item() == pytest.approx(expected)

    def test_regression_squares_errors_in_deviations(self):
        head = head_of(TASKS["regression"])
        logits = torch.tensor([[1.0, 2.0], [0.0, 0.0]], requires_grad=True)
        targets = torch.tensor([[150.0, -1.5], [120.0, -2.25]])
        loss = head.loss(logits, targets, smoothing=0.3)
        assert loss.item() == pytest.approx((0 + 1 + 0 + 0.25) / 4)
        exact = (targets.numpy() - [120, -2]) / [30, 0.5]
        np.testing.assert_allclose(head.answers(exact), targets.numpy())
        loss.backward()
        assert logits.grad.tolist() == [[0.0, 0.5], [0.0, 0.25]]

    def test_outside_the_legal_range_there_is_still_a_gradient(self):
        logits = torch.tensor([[50.0, 0.0]], requires_grad=True)
        head_of(TASKS["regression"]).loss(logits, torch.tensor([[200.0, -2.0]])).backward()
        assert logits.grad[0, 0] > 1


def test_answers_need_no_torch():
    code = (
        "import sys, numpy; from audiocnn.nn.heads import head_of; from audiocnn.spec import TaskSpec; "
        "head_of(TaskSpec('binary', ('no', 'yes'))).answers(numpy.zeros((1, 1))); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class TestSeveralTasks:
    NAMED = {"": TASKS["single_label"], "a": TASKS["binary"], "b": TASKS["regression"]}  # noqa: RUF012
    LOGITS = np.array([[0.0, 1.0, -2.0, 0.5, 0.5, 1.0], [1.0, 0.0, 0.0, -0.5, 0.0, 2.0]])
    TARGETS = np.array([[0.0, 1, 0, 1, 0, 150, -2], [1.0, 0, 0, 0, 1, 120, -1]])

    def test_answers_stand_side_by_side_and_come_apart_again(self):
        heads = Heads(self.NAMED)
        assert (heads.num_outputs, heads.num_labels) == (6, 7)
        answers = heads.answers(self.LOGITS)
        parts = heads.split(answers)
        for name, columns in (("", slice(0, 3)), ("a", slice(3, 4)), ("b", slice(4, 6))):
            np.testing.assert_array_equal(parts[name], head_of(self.NAMED[name]).answers(self.LOGITS[:, columns]))
            assert heads.outputs[name] == columns
        np.testing.assert_array_equal(heads.split(answers[0])["b"], parts["b"][0])

    def test_the_loss_is_the_main_one_and_the_weighted_others(self):
        logits, targets = torch.tensor(self.LOGITS), torch.tensor(self.TARGETS)
        weights = torch.tensor([1.0, 5.0, 1.0], dtype=torch.float64)
        main = head_of(TASKS["single_label"]).loss(logits[:, :3], targets[:, :3], 0.1, weights)
        binary = head_of(TASKS["binary"]).loss(logits[:, 3:4], targets[:, 3:5], 0.1)
        numbers = head_of(TASKS["regression"]).loss(logits[:, 4:], targets[:, 5:])
        loss = Heads(self.NAMED).loss(logits, targets, 0.1, weights, {"b": 0.25})
        assert loss.item() == pytest.approx((main + binary + 0.25 * numbers).item())

    def test_one_task_alone_loses_exactly_what_its_head_does(self):
        logits, targets = torch.tensor(self.LOGITS[:, :3]), torch.tensor(self.TARGETS[:, :3])
        alone = head_of(TASKS["single_label"]).loss(logits, targets, 0.1)
        assert Heads({"": TASKS["single_label"]}).loss(logits, targets, 0.1).item() == alone.item()
