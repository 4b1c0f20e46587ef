"""The examples of the lectures over HTTP: their numbers, and that nothing else is computed."""

import json
import re
from typing import Any

import httpx
import numpy as np
import pytest

from tests.service.server import ROOT, Server, assert_problem

GRID = [[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]
KERNEL = [[[[0, 1], [2, 3]]]]


def ask(server: Server, example: str, **body: Any) -> dict[str, Any]:
    response = server.client.post(f"/v1/lectures/{example}", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize(
    ("sizes", "output"),
    [
        ({}, [[19, 25], [37, 43]]),
        ({"padding": 1}, [[0, 3, 8, 4], [9, 19, 25, 10], [21, 37, 43, 16], [6, 7, 8, 0]]),
        ({"padding": 1, "stride": "3x2"}, [[0, 8], [6, 8]]),
    ],
)
def test_cross_correlation_of_smola(server: Server, sizes: dict[str, Any], output: list[Any]) -> None:
    answer = ask(server, "convolution", input=GRID, filters=KERNEL, **sizes)
    assert (answer["output"], answer["shape"]) == ([output], [1, len(output), len(output[0])])


def test_the_volume_of_cs231n(server: Server) -> None:
    planes = ["11021 21020 22122 02212 21002", "12102 20002 02010 12012 10201", "20001 00010 11021 00021 01122"]
    volume = [[[int(digit) for digit in row] for row in plane.split()] for plane in planes]
    filters = [
        [[[-1, 0, 0], [-1, -1, 1], [0, 1, -1]], [[-1, 0, -1], [1, -1, 0], [0, 1, -1]],
         [[0, -1, -1], [1, 1, -1], [-1, -1, -1]]],
        [[[0, 1, 1], [1, 1, -1], [-1, 1, -1]], [[1, -1, 0], [1, 1, 1], [-1, 1, 0]], [[0, 1, -1], [0, 1, 1], [1, 0, 0]]],
    ]  # fmt: skip
    answer = ask(server, "convolution", input=volume, filters=filters, bias=[1, 0], stride="2", padding=1)
    assert answer["output"] == [
        [[5, 0, -2], [-2, -3, 0], [-4, -9, -1]],
        [[8, -1, 7], [4, 4, 8], [4, 9, 7]],
    ]


def test_the_silence_filter_and_the_layer_behind_it(server: Server) -> None:
    responses = [2.9, 1.2, 1.6, 2.3, 2.9, 2.4, 1.5, 0.2, -0.6]
    answer = ask(server, "convolution", input=[responses], filters=[[[1]]], sigmoid=True)
    assert answer["sigmoid"][0] == pytest.approx(1 / (1 + np.exp(-np.array(responses))), abs=1e-4)
    second = [0.1, -0.6, -0.6, -0.1, 0.6, 0.9, 0.7, 0.5]
    filters = [[[1, -1, -1, 1], [-1, -1, -1, 1]]]
    answer = ask(server, "convolution", input=[responses[1:], second], filters=filters)
    assert answer["output"][0] == pytest.approx([1.2, 0.7, -0.5, -1.5, -1.6], abs=1e-4)


def test_scores_of_two_axes(server: Server) -> None:
    answer = ask(server, "convolution", input=[[[0, 1], [2, -3]]], filters=[[[[1]]]], sigmoid=True)
    expected = 1 / (1 + np.exp(-np.array([[0.0, 1.0], [2.0, -3.0]])))
    np.testing.assert_allclose(answer["sigmoid"][0], expected, atol=1e-4)


def test_max_pooling_forgives_a_shift(server: Server) -> None:
    assert ask(server, "pooling", input=[[0, 1, 0, 0, 0]], kind="max", overlap=True)["output"] == [[1, 1, 0, 0]]
    assert ask(server, "pooling", input=[[1, 2, 3, 4]], kind="avg", window=2)["output"] == [[1.5, 3.5]]


def digit(drawn: str) -> list[list[float]]:
    """A thick stroke: a 1, or the ring of a 0."""
    rows, columns = np.mgrid[:28, :28]
    if drawn == "1":
        ink = (abs(columns - 14) < 1.6) & (abs(rows - 14) < 10)
    else:
        radius = np.hypot((rows - 13.5) / 1.35, columns - 13.5)
        ink = abs(radius - 6) < 1.4
    return ink.astype(float).tolist()


@pytest.mark.parametrize("drawn", ["0", "1"])
def test_lenet_reads_a_digit_and_shows_its_maps(server: Server, drawn: str) -> None:
    answer = ask(server, "digit", pixels=digit(drawn))
    assert int(np.argmax(answer["scores"])) == int(drawn)
    assert sum(answer["scores"]) == pytest.approx(1, abs=1e-4)
    shapes = [np.shape(found["values"]) for found in answer["features"]]
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5)]
    assert np.shape(answer["filters"]) == (6, 5, 5)


@pytest.mark.parametrize("drawn", ["0", "1"])
def test_who_needs_neighbours(server: Server, drawn: str) -> None:
    pixels = np.array(digit(drawn))
    answer = ask(server, "neighbours", pixels=pixels.tolist())
    order = json.loads((ROOT / "service/lectures/networks/order.json").read_text("utf-8"))
    assert sorted(order) == list(range(784)) != order
    shuffled = np.array(answer["shuffled"])
    assert (shuffled.ravel() == pixels.ravel()[order]).all()
    asked = [(found["kind"], found["pixels"]) for found in answer["networks"]]
    assert asked == [(kind, way) for kind in ("perceptron", "convolutional") for way in ("ordered", "shuffled")]
    # The fourth, a convolutional network that learned shuffled digits, may be wrong.
    assert [int(np.argmax(found["scores"])) for found in answer["networks"][:3]] == [int(drawn)] * 3
    assert [sum(found["scores"]) for found in answer["networks"]] == pytest.approx([1] * 4, abs=1e-4)
    # The pixels that the others know are nothing to these: each gets its own.
    other = ask(server, "neighbours", pixels=answer["shuffled"])["networks"]
    assert [int(np.argmax(found["scores"])) for found in other[:3]] != [int(drawn)] * 3


@pytest.mark.parametrize(
    ("example", "body", "detail"),
    [
        ("convolution", {"input": [[1, 2, 3]], "filters": [[[1, 2, 3, 4]]]}, "longer than the input"),
        ("convolution", {"input": [[1, 2, 3]], "filters": [[[1], [1]]]}, "1 channels, the filters have 2"),
        ("convolution", {"input": [[1, 2], [1]], "filters": [[[1], [1]]]}, "all of one length"),
        ("convolution", {"input": GRID, "filters": [[[1]]]}, "as many axes|filters, channels"),
        ("convolution", {"input": GRID, "filters": KERNEL, "padding": 2}, "no block of these sizes, conv2d-s1-p2"),
        ("convolution", {"input": GRID, "filters": KERNEL, "stride": "5"}, "stride"),
        ("convolution", {"input": GRID, "filters": KERNEL, "bias": [1, 2]}, "bias must hold a number for each"),
        ("convolution", {"input": [[1e9]], "filters": [[[1]]]}, "less than or equal to 1000000"),
        ("convolution", {"input": [[1] * 1025], "filters": [[[1]]]}, "at most 1024"),
        ("pooling", {"input": [[1, 2]], "kind": "max", "window": 3}, "shorter than a window of 3"),
        ("pooling", {"input": GRID, "kind": "sum"}, "kind"),
        ("digit", {"pixels": [[0.0] * 28] * 27}, "at least 28"),
        ("digit", {"pixels": [[2.0] * 28] * 28}, "less than or equal to 1"),
        ("digit", {"pixel": []}, "pixel"),
        ("neighbours", {"pixels": [[0.0] * 28] * 27}, "at least 28"),
    ],
)
def test_what_does_not_fit_is_told(server: Server, example: str, body: dict[str, Any], detail: str) -> None:
    response = server.client.post(f"/v1/lectures/{example}", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_tensor")
    assert any(part in response.json()["detail"] for part in detail.split("|")), response.text


def test_other_bodies_are_refused(server: Server) -> None:
    def post(content: bytes, **headers: str) -> httpx.Response:
        return server.client.post("/v1/lectures/convolution", content=content, headers=headers)

    for content in (b"", b"{", b"hello", b"[" * 10_000, b'{"\xff": 1}', rb'{"\ud800": 1}'):
        assert_problem(post(content), 400, "malformed_body")
    for content in (b"[]", b'{"input": [[NaN]], "filters": [[[1]]]}', b'{"' + b"x" * 100_000 + b'": 1}'):
        problem = assert_problem(post(content), 422, "invalid_tensor")
        assert len(problem["detail"]) < 1000
    assert_problem(post(bytes(300_000)), 413, "body_too_large")
    assert_problem(post(b"{}", **{"Content-Type": "audio/wav"}), 415, "unsupported_media_type")


def test_what_the_page_states_as_measured_is_in_the_documentation() -> None:
    page, told = ((ROOT / name).read_text("utf-8") for name in ("service/static/lectures.html", "docs/lectures.md"))
    rows = re.findall(r", ([\d,]+ weights)</th><td>([\d.]+) %</td><td>([\d.]+) %</td>", page)
    assert len(rows) == 2
    for weights, *errors in rows:
        assert f"{weights} | {errors[0]}% | {errors[1]}% |" in told
