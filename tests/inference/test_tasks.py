"""Binary and regression models from the specification to the answer, in torch and in the exported file."""

import json

import numpy as np
import pytest

from audiocnn import Classifier, Estimate, Prediction, checkpoint
from audiocnn.errors import CheckpointError
from audiocnn.inference.torch_backend import TorchBackend
from audiocnn.nn.heads import head_of
from audiocnn.spec import Quantity, TaskSpec
from tests.audio_files import music, noise, silence, tone, wav_bytes
from tests.conftest import tiny_spec, write_model

BINARY = TaskSpec("binary", ("noise", "music"))
TEMPO = TaskSpec(
    "regression", ("tempo", "swing"), (Quantity("BPM", 100, 140, 120, 40), Quantity("", None, 0.1, 0, 0.2))
)
SOUND = wav_bytes(np.concatenate([music(1), noise(1), silence(1), tone(300, 1)], axis=1))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A function that makes a model for a task."""

    def make(task):
        return write_model(tmp_path_factory.mktemp(task.kind), tiny_spec(task=task))

    return make


@pytest.fixture(scope="module")
def binary(directory):
    return directory(BINARY)


@pytest.fixture(scope="module")
def tempo(directory):
    return directory(TEMPO)


def first_logits(directory):
    network = checkpoint.load_network(directory)[1]
    window = music(1)[:, :8000].astype(np.float32)
    return TorchBackend(network)((window / np.sqrt(np.mean(window**2)))[None].astype(np.float32))[0].astype(float)


class TestBinary:
    def test_one_output_scores_two_labels(self, binary):
        result = Classifier.load(binary).classify(SOUND)
        scores = {p.label: p.score for p in result.segments[0].predictions}
        (logit,) = first_logits(binary)
        assert scores["music"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)
        for predictions in (result.predictions, result.segments[0].predictions):
            assert sum(p.score for p in predictions) == pytest.approx(1)
            assert predictions[0].score > 0.5 > predictions[1].score

    def test_a_network_with_an_output_for_each_label_does_not_fit(self, binary, tmp_path):
        spec = tiny_spec(task=BINARY)
        two_outputs = write_model(tmp_path, tiny_spec(task=TaskSpec("single_label", BINARY.labels)))
        (two_outputs / "config.json").write_text(json.dumps(spec.to_json()))
        with pytest.raises(CheckpointError, match=r"gave logits of shape \(1, 2\) .* where \(1, 1\) finite ones were"):
            Classifier.load(two_outputs).warm_up()
        with pytest.raises(CheckpointError, match="does not fit architecture"):
            checkpoint.load_network(two_outputs)


class TestRegression:
    def test_every_window_has_every_quantity_in_its_range(self, tempo):
        result = Classifier.load(tempo).classify(SOUND)
        outputs = first_logits(tempo)
        heard = [s.predictions for s in result.segments if not s.silent]
        assert 0 < len(heard) < len(result.segments)
        assert [(e.label, e.unit) for e in heard[0]] == [("tempo", "BPM"), ("swing", "")]
        assert heard[0][0].value == pytest.approx(np.clip(120 + 40 * outputs[0], 100, 140), abs=1e-2)
        assert heard[0][1].value == pytest.approx(min(0.2 * outputs[1], 0.1), abs=1e-4)
        assert all(isinstance(e, Estimate) and 100 <= row[0].value <= 140 for row in heard for e in row)
        for i in (0, 1):
            assert result.predictions[i].value == pytest.approx(np.mean([row[i].value for row in heard]))
            assert np.ptp([row[i].value for row in heard]) > 1e-3
        assert [s.predictions for s in result.segments if s.silent] == [()] * (len(result.segments) - len(heard))

    def test_json_has_value_and_unit_and_leaves_nothing_out(self, tempo):
        result = Classifier.load(tempo).classify(SOUND)
        body = result.to_json(top_k=1, threshold=1.0, segments=True)
        assert body["predictions"] == [
            {"label": "tempo", "value": float(f"{result.predictions[0].value:.8g}"), "unit": "BPM"},
            {"label": "swing", "value": float(f"{result.predictions[1].value:.8g}"), "unit": ""},
        ]
        assert [len(s["predictions"]) for s in body["segments"]] == [0 if s["silent"] else 2 for s in body["segments"]]

    def test_silence_has_no_estimate(self, tempo):
        result = Classifier.load(tempo).classify(wav_bytes(silence(1)))
        assert result.predictions == ()
        assert result.to_json()["predictions"] == []

    def test_torch_answers_alike(self, tempo):
        onnx, eager = (Classifier.load(tempo, backend=name).classify(SOUND) for name in ("onnx", "torch"))
        for a, b in zip(onnx.predictions, eager.predictions, strict=True):
            assert a.value == pytest.approx(b.value, abs=1e-3)


def test_scores_are_not_estimates(tiny_model):
    assert all(isinstance(p, Prediction) for p in Classifier.load(tiny_model).classify(SOUND).predictions)


def test_windows_in_doubt_between_two_values_decide_together(directory):
    task = TaskSpec("regression", ("tempo",), (Quantity("BPM", 30, 240, scale="log", bins=25),))
    classifier = Classifier.load(directory(task))
    result = classifier.classify(SOUND)
    logits, _ = classifier.logits(SOUND)
    whole = head_of(task).of_clips(logits, np.array([len(logits)]))[0, 0]
    values = [segment.predictions[0].value for segment in result.segments if not segment.silent]
    assert len({round(value) for value in values}) > 1
    assert result.predictions[0].value == pytest.approx(whole, abs=1e-9)
    assert abs(whole - np.mean(values)) > 1e-4
