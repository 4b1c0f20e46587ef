"""The Open Inference Protocol, version 2."""

import json
from typing import Any

import httpx
import numpy as np
import pytest

from audiocnn import Classifier
from tests.service.server import Server, assert_problem, running_service

WINDOW = 64_000
NOISE = np.random.default_rng(0).standard_normal((2, 1, WINDOW)).astype(np.float32)


def tensor(values: Any = NOISE, **changes: Any) -> dict[str, Any]:
    fields = {"name": "waveform", "shape": [2, 1, WINDOW], "datatype": "FP32", "data": values}
    if isinstance(values, np.ndarray):
        fields["data"] = values.ravel().tolist()
    return {**fields, **changes}


def infer(server: Server, *inputs: Any, **fields: Any) -> httpx.Response:
    return server.client.post("/v2/models/genre/infer", json={"inputs": list(inputs), **fields})


def test_health_and_metadata(server: Server, classifier: Classifier) -> None:
    get = server.client.get
    assert get("/v2/health/live").json() == {"live": True}
    assert get("/v2/health/ready").json() == {"ready": True}
    assert get("/v2").json()["name"] == "audiocnn"
    assert get("/v2/models/genre/ready").json() == {"name": "genre", "ready": True}
    outputs = classifier.infer(NOISE).shape[1]
    assert get("/v2/models/genre").json() == {
        "name": "genre",
        "versions": [classifier.spec.version],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "waveform", "datatype": "FP32", "shape": [-1, 1, WINDOW]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, outputs]}],
    }


def test_logits_are_those_of_the_network(server: Server, classifier: Classifier) -> None:
    expected = classifier.infer(NOISE)
    response = infer(server, tensor(), id="seven", outputs=[{"name": "logits"}])
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["model_name"], body["model_version"], body["id"]) == ("genre", classifier.spec.version, "seven")
    (output,) = body["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("logits", "FP32", list(expected.shape))
    np.testing.assert_allclose(np.reshape(output["data"], expected.shape), expected, rtol=1e-5)
    nested = infer(server, tensor(NOISE.tolist())).json()
    assert nested["outputs"] == body["outputs"]
    assert "id" not in nested


SHORT = NOISE[:1, :, :100]

WRONG = {
    "no inputs": ([], {}, "inputs"),
    "two inputs": ([tensor(), tensor()], {}, "inputs"),
    "another name": ([tensor(name="audio")], {}, "called 'waveform'"),
    "another type": ([tensor(datatype="INT8")], {}, "datatype"),
    "another length": ([tensor(SHORT, shape=[1, 1, 100])], {}, "(batch, 1, 64000)"),
    "no batch": ([tensor(shape=[0, 1, WINDOW], data=[])], {}, "at least 1"),
    "negative batch": ([tensor(shape=[-1, 1, WINDOW])], {}, "at least 1"),
    "huge batch": ([tensor(shape=[10**5, 1, WINDOW])], {}, "it holds 128000"),
    "a batch of 4290 digits": ([tensor(shape=[10**4290, 1, WINDOW])], {}, "as many numbers in data"),
    "no shape": ([tensor(shape=[])], {}, "(batch, 1, 64000)"),
    "too few numbers": ([tensor(NOISE[:1])], {}, "it holds 64000"),
    "texts": ([tensor(["1"] * 2 * WINDOW)], {}, "numbers and nothing else"),
    "nothing": ([tensor([None] * 2 * WINDOW)], {}, "numbers and nothing else"),
    "ragged": ([tensor([[1.0], [1.0, 2.0]])], {}, "flat, or nested"),
    "beyond float32": ([tensor([1e300] * 2 * WINDOW)], {}, "NaN or larger"),
    "beyond float64": ([tensor([10**400] + [0] * (2 * WINDOW - 1))], {}, "numbers and nothing else"),
    "absurd": ([tensor([1e30] * 2 * WINDOW)], {}, "between -1e+06 and 1e+06"),
    "another output": ([tensor()], {"outputs": [{"name": "scores"}]}, "outputs"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_the_model_does_not_take(server: Server, kind: str) -> None:
    inputs, fields, hint = WRONG[kind]
    problem = assert_problem(infer(server, *inputs, **fields), 422, "invalid_tensor")
    assert hint in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[[[" * 10_000,
        b"[" + b"[]," * 2_000_000 + b"[]]",
        b"[" + b"{}," * 2_000_000 + b"{}]",
        b'{"inputs": [{"data": [NaN]}]}',
        b'{"x": [Infinity]}',
        b"\xff",
    ],
)
def test_what_is_no_json(server: Server, body: bytes) -> None:
    response = server.client.post("/v2/models/genre/infer", content=body, headers={"Content-Type": "application/json"})
    assert_problem(response, 400, "malformed_body")


@pytest.mark.parametrize("body", [b"1", b"null", b"[]", b'"x"'])
def test_json_of_another_kind(server: Server, body: bytes) -> None:
    assert_problem(server.client.post("/v2/models/genre/infer", content=body), 422, "invalid_tensor")


def test_errors_have_the_member_that_the_protocol_asks_for(server: Server) -> None:
    get = server.client.get
    for path in ("/v2/models/nothing", "/v2/models/nothing/ready"):
        assert_problem(get(path), 404, "unknown_model")
    assert_problem(server.client.post("/v2/models/nothing/infer", json={}), 404, "unknown_model")
    assert_problem(get("/v2/nowhere"), 404, "not_found")
    assert_problem(get("/v2/models/genre/infer"), 405, "method_not_allowed")


def test_binary_and_compressed_tensors_are_refused(server: Server) -> None:
    for headers in (
        {"Inference-Header-Content-Length": "10"},
        {"Content-Type": "text/plain"},
        {"Content-Encoding": "gzip"},
    ):
        response = server.client.post("/v2/models/genre/infer", content=b"{}", headers=headers)
        assert_problem(response, 415, "unsupported_media_type")


def test_size_is_capped() -> None:
    with running_service(max_infer_bytes=100_000) as server:
        assert_problem(infer(server, tensor()), 413, "body_too_large")
        body = json.dumps({"inputs": []}).encode()
        assert_problem(server.client.post("/v2/models/genre/infer", content=body), 422)
