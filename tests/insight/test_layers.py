"""The layer table: sizes in short, milliseconds, totals, JSON."""

import pytest

from audiocnn.errors import ConfigError
from audiocnn.insight.subject import load_subject


def test_rows_of_m5():
    table = load_subject("m5", (16_000,)).table()
    rows = {row["name"]: row for row in table.to_json()["layers"]}
    assert rows["features.0.conv"] == {
        "name": "features.0.conv",
        "kind": "Conv1d",
        "sizes": "k80 s4",
        "output_shape": [128, 4000],
        "parameters": 128 * 81,
        "multiply_adds": 128 * 80 * 4000,
        "receptive_field": [80],
        "step": [4],
        "receptive_field_ms": 10.0,
        "step_ms": 0.5,
    }
    assert (rows["features.1.pool"]["receptive_field_ms"], rows["features.1.pool"]["step_ms"]) == (11.5, 2.0)
    assert (rows["head"]["receptive_field"], rows["head"]["step_ms"], rows["head"]["sizes"]) == (None, None, "")


def test_totals_are_those_of_the_paper():
    table = load_subject("alexnet", num_outputs=1000).table()
    assert (table.parameters, round(table.multiply_adds / 1e9, 2)) == (61_100_840, 0.71)
    totals = table.to_json()["totals"]
    assert totals == {"parameters": table.parameters, "multiply_adds": table.multiply_adds}


def test_sizes_tell_what_differs_from_1():
    sizes = {layer.name: size for layer, size in zip(*_layers("filterbank-resnet"), strict=True)}
    assert sizes["features.3.conv1.conv"] == "k3 d2"
    assert sizes["energies.filters.conv"] == "k256 s16"
    sizes = {layer.name: size for layer, size in zip(*_layers("r3d-18"), strict=True)}
    assert sizes["features.0.conv"] == "k3x7x7 s1x2x2"
    sizes = {layer.name: size for layer, size in zip(*_layers("alexnet-2012"), strict=True)}
    assert "k5 g2" in sizes.values()


def test_images_have_no_milliseconds():
    table = load_subject("lenet-5").table()
    assert table.to_json()["layers"][0]["receptive_field"] == [5, 5]
    assert {row["receptive_field_ms"] for row in table.to_json()["layers"]} == {None}


def test_refuses_an_input_that_is_too_short():
    with pytest.raises(ConfigError, match="each axis needs 32 or more positions"):
        load_subject("lenet-5", (8, 8)).table()


def _layers(name):
    table = load_subject(name).table()
    return table.layers, [layer.sizes for layer in table.layers]
