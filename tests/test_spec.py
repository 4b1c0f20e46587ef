"""The records that travel with the weights: legal values, and JSON from anywhere."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocnn.errors import CheckpointError, ConfigError
from audiocnn.spec import AudioSpec, ModelSpec, Quantity, TaskSpec
from tests.conftest import tiny_spec


def test_json_round_trip():
    spec = tiny_spec("multi_label")
    text = json.dumps(spec.to_json())
    assert ModelSpec.from_json(json.loads(text)) == spec
    assert json.loads(text)["format_version"] == 1
    assert json.dumps(ModelSpec.from_json(json.loads(text)).to_json()) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"sample_rate": 0}, r"^sample_rate must be a whole number of at least 1, got 0$"),
        ({"sample_rate": 384_001}, r"^sample_rate must be at most 384000 Hz, got 384001$"),
        ({"window": -1}, r"^window must be a whole number of at least 1, got -1$"),
        ({"hop": 0.5}, r"^hop must be a whole number of at least 1, got 0\.5$"),
        ({"window": True}, r"^window must be a whole number of at least 1, got True$"),
        ({"hop": 101}, r"samples between windows never count: hop 101, window 100; decrease hop$"),
        ({"normalisation": "loud"}, r"^normalisation must be one of none, peak, rms, standardise, got 'loud'$"),
        ({"normalisation": ["rms"]}, r"^normalisation must be one of .*, got \['rms'\]$"),
        ({"tail": None}, r"^tail must be one of shift, pad, drop, got None$"),
        ({"silence_db": "quiet"}, r"^silence_db must be a number of dB, got 'quiet'$"),
        ({"silence_db": float("nan")}, r"^silence_db must be a number of dB, got nan$"),
    ],
)
def test_audio_spec_refuses(changes, text):
    with pytest.raises(ConfigError, match=text):
        AudioSpec(**{"sample_rate": 16_000, "window": 100, "hop": 100, **changes})


@pytest.mark.parametrize(
    ("kind", "labels", "text"),
    [
        ("genre", ("a", "b"), r"^kind must be one of single_label, multi_label, binary, regression, got 'genre'$"),
        ("single_label", ("a",), r"^a single_label task needs more labels than \['a'\]$"),
        ("multi_label", (), r"^a multi_label task needs more labels than \[\]$"),
        ("single_label", ("a", "b", "a"), r"^labels must differ from one another, got \['a', 'b', 'a'\]$"),
        ("single_label", ("a", 1), r"^labels must be words, got \['a', 1\]$"),
        ("multi_label", ("",), r"^labels must be words, got \[''\]$"),
        ("binary", ("ill",), r"^a binary task needs 2 labels, of no and of yes, got \['ill'\]; for more answers set"),
        ("binary", ("a", "b", "c"), r"^a binary task needs 2 labels, .*, got .*; .* set kind = 'single_label'$"),
        ("regression", (), r"^a regression task needs more labels than \[\]$"),
        ("regression", ("tempo",), r"^a regression task needs a quantity for each label, got 0 for \['tempo'\]$"),
    ],
)
def test_task_spec_refuses(kind, labels, text):
    with pytest.raises(ConfigError, match=text):
        TaskSpec(kind, labels)


def test_one_label_is_enough_when_each_stands_alone():
    assert TaskSpec("multi_label", ("speech",)).labels == ("speech",)


TEMPO = TaskSpec("regression", ("tempo", "swing"), (Quantity("BPM", 20, 300, 118.5, 31.25), Quantity("")))


def test_quantities_are_for_regressions():
    with pytest.raises(ConfigError, match=r"^a binary task has no quantities, got 1; leave them out$"):
        TaskSpec("binary", ("no", "yes"), (Quantity("BPM"),))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"unit": None}, r"^unit must be text, got None$"),
        ({"low": "0"}, r"^low must be a finite number, or nothing, got '0'$"),
        ({"high": float("inf")}, r"^high must be a finite number above low = None, or nothing, got inf$"),
        ({"low": 5, "high": 5}, r"^high must be a finite number above low = 5, or nothing, got 5$"),
        ({"mean": float("nan")}, r"^mean must be a finite number, got nan$"),
        ({"deviation": 0}, r"^deviation must be a finite number above 0, got 0$"),
        ({"scale": "octaves"}, r"^scale must be one of linear, log, got 'octaves'$"),
        ({"scale": "log", "low": 0}, r"^low must be above 0 for scale = 'log', got 0$"),
        ({"bins": 1}, r"^bins must be 0 or a whole number from 2 up, got 1$"),
        ({"bins": 9, "low": 1}, r"^bins lie between low and high, got 1 and None$"),
        ({"tolerance": -0.1}, r"^tolerance must be a finite number from 0 up, got -0\.1$"),
    ],
)
def test_quantity_refuses(changes, text):
    with pytest.raises(ConfigError, match=text):
        Quantity(**{"unit": "BPM", **changes})


def test_tasks_in_words():
    assert TEMPO.summary == "tempo in BPM from 20 to 300, swing (regression)"
    assert TaskSpec("binary", ("no", "yes")).summary == "no, yes (binary)"
    assert Quantity("dB", high=0).summary == " in dB to 0"


def test_the_middle_is_the_geometric_mean_on_a_log_scale():
    assert Quantity("BPM", mean=120.0).middle == 120
    assert Quantity("BPM", mean=math.log(120.0), scale="log").middle == pytest.approx(120)


def test_quantities_travel_with_the_model_and_other_tasks_have_none():
    spec = tiny_spec(task=TEMPO)
    text = json.dumps(spec.to_json(), allow_nan=False)
    assert ModelSpec.from_json(json.loads(text)) == spec
    assert json.loads(text)["task"]["quantities"][1] == {
        "unit": "", "low": None, "high": None, "mean": 0.0, "deviation": 1.0, "scale": "linear", "bins": 0,
        "tolerance": 0.0,
    }  # fmt: skip
    assert "quantities" not in tiny_spec().to_json()["task"]


@pytest.mark.parametrize("damaged", [None, "BPM", [1], [{}], [{"unit": "BPM", "colour": 1}], [{"unit": "BPM"}] * 3])
def test_damaged_quantities_are_refused(damaged):
    data = tiny_spec(task=TEMPO).to_json()
    data["task"]["quantities"] = damaged
    with pytest.raises(CheckpointError, match=r"^config\.json does not describe a model: "):
        ModelSpec.from_json(data)


def changed(path, value):
    """The JSON of a good model with the value at `path` replaced, or removed for `...`."""
    data = json.loads(json.dumps(tiny_spec().to_json()))
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (["format_version"], 2, r"format_version 2, this release reads 1; export the model again"),
        (["format_version"], ..., r"format_version None"),
        (["input"], ..., r"does not describe a model: 'input'"),
        (["input"], [1, 2], "does not describe a model"),
        (["input", "window"], "8000", "window must be a whole number"),
        (["input", "colour"], "red", "colour"),
        (["task"], 7, "does not describe a model"),
        (["task"], ["kind"], "does not describe a model"),
        (["task", "labels"], "abc", "labels must be a list of words, got 'abc'"),
        (["task", "labels"], [["a"], ["b"]], "labels must be words"),
        (["task", "labels"], ..., "'labels'"),
        (["task", "thresholds"], [0.5], "thresholds"),
        (["name"], 5, "name must be text, got 5"),
        (["version"], None, "version must be text, got None"),
        (["version"], " ", "version must not be empty"),
        (["architecture"], ["m5"], "architecture must be text"),
        (["arguments"], [1], "arguments must be an object of names and values"),
        (["surprise"], 1, "surprise"),
        (["architecture"], ..., "architecture"),
    ],
)
def test_damaged_json_is_a_checkpoint_error(path, value, text):
    with pytest.raises(CheckpointError, match=text):
        ModelSpec.from_json(changed(path, value))


@pytest.mark.parametrize("data", [None, 5, "text", [], [["format_version", 1]], {}])
def test_json_that_is_no_object(data):
    with pytest.raises(CheckpointError):
        ModelSpec.from_json(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
places = st.sampled_from(
    [[key] for key in tiny_spec().to_json() if key != "format_version"]
    + [["input", key] for key in ("sample_rate", "window", "hop", "normalisation", "tail", "silence_db")]
    + [["task", "kind"], ["task", "labels"], ["task", "thresholds"], ["task", "temperature"], ["task", "unknown_below"]]
    + [["side_tasks"]]
)


@settings(max_examples=150, deadline=None)
@given(places, json_values)
def test_any_json_anywhere_is_a_model_or_a_checkpoint_error(path, value):
    try:
        spec = ModelSpec.from_json(changed(path, value))
    except CheckpointError:
        return
    written = json.dumps(spec.to_json())  # compared as text: NaN, as an argument may be, differs from itself
    assert json.dumps(ModelSpec.from_json(json.loads(written)).to_json()) == written
