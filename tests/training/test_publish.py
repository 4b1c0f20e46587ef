"""Publishing a model with the figures of a cross-validation, which must be about the same tasks."""

import json
import re
from dataclasses import replace

import pytest

from audiocnn import TaskSpec
from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError
from tests.conftest import LABELS, tiny_spec, write_model
from training.publish import publish

SIDE = {"mood": TaskSpec("multi_label", ("calm", "tense")), "liked": TaskSpec("binary", ("few", "most"))}
SIDE_LABELS = {"mood": ["calm", "tense"], "liked": ["few", "most"]}
RESULTS = {"labels": list(LABELS), "summary": {"loss": {"mean": 0.12345, "deviation": 0.0}}, "folds": [1, 2]}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"), tiny_spec(side_tasks=SIDE), onnx=False)


def crossval(tmp_path, **changes):
    path = tmp_path / "crossval.json"
    path.write_text(json.dumps({**RESULTS, "side_labels": SIDE_LABELS, **changes}))
    return path


def test_the_figures_of_the_same_tasks_go_along(model, tmp_path):
    publish(model, tmp_path / "out", "2", crossval(tmp_path))
    spec = read_spec(tmp_path / "out")
    assert spec.version == "2"
    assert spec.metrics["cross_validation"] == {"loss": {"mean": 0.123, "deviation": 0.0}, "runs": 2}


def test_an_earlier_version_gives_way_and_nothing_else(model, tmp_path):
    out = tmp_path / "out"
    publish(model, out, "2", None)
    publish(model, out, "3", None)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ConfigError, match=re.escape(f"{out} holds version 3 of 'tiny' already, and what was handed")):
        publish(model, out, "3", crossval(tmp_path))
    other = write_model(tmp_path / "other", replace(read_spec(model), name="other"), onnx=False)
    with pytest.raises(ConfigError, match=re.escape(f"{out} holds another model, 'tiny': publish 'other' to a folder")):
        publish(other, out, "4", None)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["a", "b"]}, f"the labels a, b, the model has {', '.join(LABELS)};"),
        ({"side_labels": {}}, "the labels none of the side task 'liked', the model has few, most;"),
        ({"side_labels": {**SIDE_LABELS, "x": ["y"]}}, "the labels y of the side task 'x', the model has none;"),
        (
            {"side_labels": {**SIDE_LABELS, "mood": ["tense", "calm"]}},
            "the labels tense, calm of the side task 'mood', the model has calm, tense;",
        ),
    ],
)
def test_results_of_other_tasks_are_refused(model, tmp_path, changes, message):
    path = crossval(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        publish(model, tmp_path / "out", "2", path)
    assert str(caught.value) == f"{path} is about {message} take the results of its own recipe"
    assert not (tmp_path / "out").exists()


def test_results_without_side_tasks_are_not_of_a_model_with_some(model, tmp_path):
    path = tmp_path / "crossval.json"
    path.write_text(json.dumps(RESULTS))
    with pytest.raises(ConfigError, match="none of the side task 'liked'"):
        publish(model, tmp_path / "out", "2", path)


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", json.dumps({**RESULTS, "folds": 3})])
def test_another_file_is_no_cross_validation(model, tmp_path, text):
    path = tmp_path / "crossval.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"crossval\.json is not a cross-validation's crossval\.json: "):
        publish(model, tmp_path / "out", "2", path)
