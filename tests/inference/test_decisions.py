"""Temperature, thresholds and `unknown`: what a calibrated model scores and which labels it decides for."""

import json
from dataclasses import replace

import numpy as np
import pytest

from audiocnn import Classifier, checkpoint
from audiocnn.errors import ConfigError
from audiocnn.nn.heads import head_of
from audiocnn.spec import ModelSpec, Quantity, TaskSpec
from tests.audio_files import music, silence, wav_bytes
from tests.conftest import LABELS, tiny_spec, write_model

ONE = TaskSpec("single_label", ("a", "b"))
SEVERAL = TaskSpec("multi_label", ("a", "b"))
BINARY = TaskSpec("binary", ("no", "yes"))
NUMBER = TaskSpec("regression", ("a",), (Quantity(""),))
SOUND = wav_bytes(np.concatenate([music(1), silence(1)], axis=1))


class TestDecided:
    @pytest.mark.parametrize(
        ("task", "scores", "labels"),
        [
            (ONE, [0.4, 0.6], ("b",)),
            (ONE, [0.5, 0.5], ("a",)),
            (replace(ONE, unknown_below=0.6), [0.4, 0.6], ("b",)),
            (replace(ONE, unknown_below=0.61), [0.4, 0.6], ()),
            (SEVERAL, [0.5, 0.49], ("a",)),
            (SEVERAL, [0.1, 0.2], ()),
            (replace(SEVERAL, thresholds=(0.05, 0.3)), [0.1, 0.2], ("a",)),
            (replace(SEVERAL, thresholds=(0.1, 0.2)), [0.1, 0.2], ("a", "b")),
            (BINARY, [0.3, 0.7], ("yes",)),
            (NUMBER, [123.0], ()),
        ],
    )
    def test_which_labels(self, task, scores, labels):
        assert task.decided(scores) == labels


class TestSpec:
    @pytest.mark.parametrize(
        ("task", "changes", "message"),
        [
            (ONE, {"temperature": 0}, r"^temperature must be a finite number above 0, got 0$"),
            (NUMBER, {"temperature": 2.0}, r"^a regression has no temperature, got 2\.0; leave it out$"),
            (
                ONE,
                {"thresholds": (0.5, 0.5)},
                r"^thresholds must be one for each label of a multi_label task, got 2 for 2",
            ),
            (
                SEVERAL,
                {"thresholds": (0.5,)},
                r"^thresholds must be one for each label .*, got 1 for 2 labels of a multi_l",
            ),
            (SEVERAL, {"thresholds": (0.5, 1.5)}, r"^thresholds must be from 0 to 1, got 1\.5$"),
            (SEVERAL, {"thresholds": (0.5, "x")}, r"^thresholds must be from 0 to 1, got 'x'$"),
            (BINARY, {"unknown_below": 0.7}, r"^unknown_below is for a single_label task, got 0\.7 for binary$"),
            (ONE, {"unknown_below": -0.1}, r"^unknown_below must be from 0 to 1, got -0\.1$"),
        ],
    )
    def test_what_is_wrong_is_said(self, task, changes, message):
        with pytest.raises(ConfigError, match=message):
            replace(task, **changes)

    def test_json_says_only_what_was_set(self):
        assert tiny_spec(task=ONE).to_json()["task"] == {"kind": "single_label", "labels": ("a", "b")}
        task = replace(SEVERAL, temperature=1.5, thresholds=(0.2, 0.3))
        data = json.loads(json.dumps(tiny_spec(task=task).to_json()))
        assert data["task"] == {
            "kind": "multi_label", "labels": ["a", "b"], "temperature": 1.5, "thresholds": [0.2, 0.3],
        }  # fmt: skip
        assert ModelSpec.from_json(data).task == task

    def test_people_are_told_when_it_is_unknown(self):
        assert replace(ONE, unknown_below=0.6).summary == "a, b (single_label, unknown below 0.6)"


class TestTemperature:
    @pytest.mark.parametrize("task", [ONE, SEVERAL, BINARY])
    def test_logits_are_divided_by_it(self, task):
        logits = np.array([[2.0, -4.0][: head_of(task).num_outputs]])
        warm = head_of(replace(task, temperature=2.0)).answers(logits)
        np.testing.assert_allclose(warm, head_of(task).answers(logits / 2))
        assert abs(warm[0, 0] - 0.5) < abs(head_of(task).answers(logits)[0, 0] - 0.5)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("tags"), tiny_spec(side_tasks={"mood": SEVERAL}))


@pytest.fixture(scope="module")
def plain(directory):
    return Classifier.load(directory).classify(SOUND)


def decided(directory, tmp_path, backend="onnx", **changes):
    """The answer of the model in `directory` with another specification."""
    for file in directory.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    checkpoint.write_spec(tmp_path, replace(checkpoint.read_spec(directory), **changes))
    return Classifier.load(tmp_path, backend=backend).classify(SOUND)


def test_every_answer_names_its_labels(plain):
    assert plain.labels == (plain.predictions[0].label,)
    assert plain.side_labels == {
        "mood": tuple(p.label for p in sorted(plain.side["mood"], key=lambda p: p.label) if p.score >= 0.5)
    }
    body = plain.to_json(top_k=0)
    assert body["labels"] == [plain.predictions[0].label]
    assert body["side_labels"] == {"mood": list(plain.side_labels["mood"])}
    assert "side_labels" not in replace(plain, side={}, side_labels={}).to_json()


def test_an_uncertain_answer_is_unknown_and_its_scores_stay(directory, plain, tmp_path):
    best = plain.predictions[0].score
    unknown = decided(directory, tmp_path, task=TaskSpec("single_label", LABELS, unknown_below=min(1.0, best + 0.01)))
    assert unknown.labels == ()
    assert unknown.predictions == plain.predictions
    known = decided(directory, tmp_path, task=TaskSpec("single_label", LABELS, unknown_below=best - 0.01))
    assert known.labels == plain.labels


def test_side_tasks_have_thresholds_of_their_own(directory, plain, tmp_path):
    scores = {p.label: p.score for p in plain.side["mood"]}
    mood = replace(SEVERAL, thresholds=(scores["a"] + 0.01, scores["b"] - 0.01))
    assert decided(directory, tmp_path, side_tasks={"mood": mood}).side_labels == {"mood": ("b",)}


def test_nothing_is_decided_for_silence(directory):
    quiet = Classifier.load(directory).classify(wav_bytes(silence(1)))
    assert (quiet.labels, quiet.side_labels) == ((), {"mood": ()})


def test_torch_and_onnx_have_the_same_temperature(directory, plain, tmp_path):
    task = TaskSpec("single_label", LABELS, temperature=3.0)
    onnx, eager = (decided(directory, tmp_path, backend, task=task) for backend in ("onnx", "torch"))
    assert onnx.predictions[0].score < plain.predictions[0].score - 0.05
    for a, b in zip(onnx.predictions, eager.predictions, strict=True):
        assert (a.label, a.score) == (b.label, pytest.approx(b.score, abs=1e-4))
    assert onnx.side == plain.side
