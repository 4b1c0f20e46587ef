"""The records that travel with the weights: legal values, and JSON from anywhere."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocnn.errors import CheckpointError, ConfigError
from audiocnn.spec import AudioSpec, ModelSpec, TaskSpec
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
        ("genre", ("a", "b"), r"^kind must be one of single_label, multi_label, got 'genre'$"),
        ("single_label", ("a",), r"^a single_label task needs more labels than \['a'\]$"),
        ("multi_label", (), r"^a multi_label task needs more labels than \[\]$"),
        ("single_label", ("a", "b", "a"), r"^labels must differ from one another, got \['a', 'b', 'a'\]$"),
        ("single_label", ("a", 1), r"^labels must be words, got \['a', 1\]$"),
        ("multi_label", ("",), r"^labels must be words, got \[''\]$"),
    ],
)
def test_task_spec_refuses(kind, labels, text):
    with pytest.raises(ConfigError, match=text):
        TaskSpec(kind, labels)


def test_one_label_is_enough_when_each_stands_alone():
    assert TaskSpec("multi_label", ("speech",)).labels == ("speech",)


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
    + [["task", "kind"], ["task", "labels"]]
)


@settings(max_examples=150, deadline=None)
@given(places, json_values)
def test_any_json_anywhere_is_a_model_or_a_checkpoint_error(path, value):
    try:
        spec = ModelSpec.from_json(changed(path, value))
    except CheckpointError:
        return
    assert ModelSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
