"""A model with several tasks: each answers from its own columns, in every form an answer has."""

import csv
import io
import json

import numpy as np
import pytest

from audiocnn import Classifier, checkpoint
from audiocnn.batch.formats.csv_rows import CsvWriter
from audiocnn.batch.formats.jsonl import JsonlWriter
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import FileResult
from audiocnn.errors import CheckpointError, ConfigError
from audiocnn.inference.torch_backend import TorchBackend
from audiocnn.spec import ModelSpec, Quantity, TaskSpec
from tests.audio_files import music, silence, wav_bytes
from tests.conftest import LABELS, tiny_spec, write_model

SIDE = {
    "tempo": TaskSpec("regression", ("tempo",), (Quantity("BPM", 100, 140, 120, 40),)),
    "kind": TaskSpec("binary", ("speech", "music")),
    "mood": TaskSpec("multi_label", ("calm", "tense", "sad")),
}
SOUND = wav_bytes(np.concatenate([music(1), silence(1)], axis=1))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("several"), tiny_spec(side_tasks=SIDE))


@pytest.fixture(scope="module")
def result(directory):
    return Classifier.load(directory).classify(SOUND)


def test_columns_are_the_main_task_and_then_the_side_tasks_by_name(directory, result):
    window = music(1)[:, :8000].astype(np.float32)
    network = checkpoint.load_network(directory)[1]
    logits = TorchBackend(network)((window / np.sqrt(np.mean(window**2)))[None].astype(np.float32))[0].astype(float)
    assert len(logits) == 4 + 1 + 3 + 1
    first = result.segments[0]
    exponentials = np.exp(logits[:4])
    scores = dict(zip(LABELS, exponentials / exponentials.sum(), strict=True))
    assert {p.label: p.score for p in first.predictions} == pytest.approx(scores, abs=2e-3)  # of 16-bit sound
    sigmoid = 1 / (1 + np.exp(-logits[4:8]))
    kind, mood = ({p.label: p.score for p in first.side[name]} for name in ("kind", "mood"))
    assert kind == pytest.approx({"music": sigmoid[0], "speech": 1 - sigmoid[0]}, abs=2e-3)
    assert mood == pytest.approx(dict(zip(("calm", "tense", "sad"), sigmoid[1:], strict=True)), abs=2e-3)
    assert first.side["tempo"][0].value == pytest.approx(np.clip(120 + 40 * logits[8], 100, 140), abs=0.2)


def test_the_file_is_the_mean_of_its_windows_for_each_task(result):
    heard = [s for s in result.segments if not s.silent]
    assert 1 < len(heard) < len(result.segments)
    assert result.side["tempo"][0].value == pytest.approx(np.mean([s.side["tempo"][0].value for s in heard]))
    for p in result.side["mood"]:
        windows = [q.score for s in heard for q in s.side["mood"] if q.label == p.label]
        assert p.score == pytest.approx(np.mean(windows))
    assert [p.score for p in result.side["mood"]] == sorted((p.score for p in result.side["mood"]), reverse=True)


def test_silence_has_no_answer_to_any_task(directory, result):
    assert next(s.side for s in result.segments if s.silent) == {"kind": (), "mood": (), "tempo": ()}
    quiet = Classifier.load(directory).classify(wav_bytes(silence(1)))
    assert quiet.to_json()["side"] == {"kind": [], "mood": [], "tempo": []}


def test_torch_answers_alike(directory, result):
    eager = Classifier.load(directory, backend="torch").classify(SOUND)
    for name in SIDE:
        for a, b in zip(result.side[name], eager.side[name], strict=True):
            assert a.label == b.label
            assert getattr(a, "score", 0) == pytest.approx(getattr(b, "score", 0), abs=1e-4)


def test_json_carries_them_for_the_file_and_each_window(result):
    body = result.to_json(top_k=2, threshold=0.0, segments=True)
    assert list(body).index("side") == list(body).index("predictions") + 1
    assert {name: len(found) for name, found in body["side"].items()} == {"kind": 2, "mood": 2, "tempo": 1}
    assert body["side"]["tempo"][0]["unit"] == "BPM"
    assert set(body["segments"][0]["side"]) == set(SIDE)
    strict = result.to_json(threshold=1.0)
    assert strict["side"]["mood"] == []
    assert len(strict["side"]["tempo"]) == 1


def test_without_side_tasks_nothing_is_said_of_them(tiny_model):
    result = Classifier.load(tiny_model).classify(SOUND)
    body = result.to_json(segments=True)
    assert "side" not in body
    assert all("side" not in segment for segment in body["segments"])
    assert "side_tasks" not in tiny_spec().to_json()


class TestRows:
    def rows(self, writer_class, directory, result, top_k):
        raw = io.BytesIO()
        selection = Selection(top_k, tasks=Classifier.load(directory).spec.tasks)
        writer = writer_class(io.TextIOWrapper(raw, encoding="utf-8"), selection)
        writer.write(FileResult("a.wav", result))
        return raw.getvalue().decode()

    def test_csv_has_columns_for_each_after_those_of_the_main_task(self, directory, result):
        text = self.rows(CsvWriter, directory, result, 1)
        header = text.splitlines()[0].split(",")
        answers = ["label", "score", "labels", "kind_label", "kind_score", "kind_labels"]
        answers += ["mood_label", "mood_score", "mood_labels", "tempo_label", "tempo_value", "tempo_unit"]
        assert header == ["path", "status", "duration_s", *answers, "error_code", "error", "warnings"]
        (row,) = csv.DictReader(io.StringIO(text, newline=""))
        assert (row["mood_label"], row["tempo_unit"]) == (result.side["mood"][0].label, "BPM")
        assert float(row["kind_score"]) == pytest.approx(result.side["kind"][0].score, abs=1e-6)

    def test_a_side_task_may_have_more_labels_than_the_main_one(self, directory, result):
        row = json.loads(self.rows(JsonlWriter, directory, result, 9))
        assert (len(row["predictions"]), len(row["side"]["mood"])) == (4, 3)
        header = self.rows(CsvWriter, directory, result, 3).splitlines()[0].split(",")
        assert "mood_score_3" in header
        assert "kind_score_3" not in header


class TestSpec:
    def test_json_both_ways(self):
        spec = tiny_spec(side_tasks=SIDE)
        data = json.loads(json.dumps(spec.to_json()))
        assert ModelSpec.from_json(data) == spec
        assert list(spec.tasks) == ["", "kind", "mood", "tempo"]
        shuffled = data | {"side_tasks": dict(reversed(data["side_tasks"].items()))}
        assert list(ModelSpec.from_json(shuffled).tasks) == list(spec.tasks)

    def test_a_file_without_them_is_a_model_without_them(self):
        data = tiny_spec().to_json()
        assert "side_tasks" not in data
        assert ModelSpec.from_json(data).side_tasks == {}

    @pytest.mark.parametrize(
        ("side", "text"),
        [
            (["mood"], "side_tasks must be an object of names and tasks"),
            ({"mood": {"kind": "multi_label"}}, r"config\.json does not describe a model: 'labels'"),
        ],
    )
    def test_a_damaged_file_is_refused(self, side, text):
        with pytest.raises(CheckpointError, match=text):
            ModelSpec.from_json(tiny_spec().to_json() | {"side_tasks": side})

    @pytest.mark.parametrize("name", ["", "a b", "1st", "a,b"])
    def test_names_are_words(self, name):
        with pytest.raises(ConfigError, match=r"^the name of a side task must be a word of letters, digits"):
            tiny_spec(side_tasks={name: SIDE["mood"]})


def test_weights_of_fewer_tasks_do_not_fit(directory, tiny_model, tmp_path):
    (tmp_path / "model.onnx").write_bytes((tiny_model / "model.onnx").read_bytes())
    (tmp_path / "model.safetensors").write_bytes((tiny_model / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(tiny_spec(side_tasks=SIDE).to_json()))
    with pytest.raises(CheckpointError, match=r"gave logits of shape \(1, 4\) .* where \(1, 9\) finite ones were"):
        Classifier.load(tmp_path).warm_up()
    with pytest.raises(CheckpointError, match="does not fit architecture"):
        checkpoint.load_network(tmp_path)
