"""`POST /v1/inspect`: the numbers of the library, within bounds, refused like every other request."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import torch

from audiocnn import checkpoint
from audiocnn.export import export_onnx
from audiocnn.inference.silence import SilenceDetector
from audiocnn.insight.inspection import FREQUENCIES, inspect_file
from audiocnn.insight.onnx_lens import OnnxLens
from service.engines import LocalEngine
from service.engines.protocol import InspectRequest
from service.errors import NotInspectableError
from service.settings import Settings
from tests.audio_files import music, silence, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.service.server import Server

SONG = wav_bytes(music(6.5, 44_100, channels=2), 44_100)
SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "v1" / "inspect.json"


def inspect(server: Server, data: bytes = SONG, content_type: str = "audio/wav", **query: Any) -> httpx.Response:
    return server.client.post("/v1/inspect", content=data, headers={"Content-Type": content_type}, params=query)


def answer(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(body)
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def test_numbers_are_those_of_the_library(server: Server) -> None:
    body = answer(inspect(server))
    lens = OnnxLens.load("genre")
    told = inspect_file(lens, SONG, detector=SilenceDetector.load()).to_json(6)
    assert {name: body[name] for name in told} == json.loads(json.dumps(told))
    assert body["model"]["name"] == "genre"
    assert body["duration_s"] == pytest.approx(6.5, abs=0.01)
    form = server.client.post("/v1/inspect", files={"file": ("x.wav", SONG)}).json()
    assert form["features"] == body["features"]


def test_what_is_told_fits_together(server: Server) -> None:
    body = answer(inspect(server))
    layers = {layer["name"]: layer for layer in body["layers"]}
    for heat in body["features"]:
        assert layers[heat["layer"]]["mapped"]
        assert len(heat["values"]) == len(heat["channels"]) * heat["rows"] <= 64
        assert {len(row) for row in heat["values"]} <= set(range(2, 301))
    filters = body["filters"]
    assert filters["layer"] == body["features"][0]["layer"]
    centres = [filters["centres_hz"][channel] for channel in body["features"][0]["channels"]]
    assert centres == sorted(centres), "the first map reads from low to high"
    assert len(filters["frequencies_hz"]) == len(filters["gains_db"][0]) == FREQUENCIES
    assert sorted(filters["order"]) == list(range(len(filters["weights"])))
    scores = [one["score"] for one in body["activation"]["labels"]]
    assert scores == sorted(scores, reverse=True)
    assert len(body["silence"]["times_s"]) == len(body["silence"]["likelihoods"]) == 325


def test_rows_columns_labels_and_layers_are_chosen(server: Server) -> None:
    mapped = [layer["name"] for layer in answer(inspect(server, silence=False))["layers"] if layer["mapped"]]
    query = {"layer": [mapped[-1], mapped[0]], "rows": 8, "columns": 20, "top_k": 2}
    body = answer(inspect(server, **query, silence=False))
    last, first = body["features"]
    assert (last["layer"], first["layer"]) == (mapped[-1], mapped[0]), "in the order they were asked for"
    assert len(last["values"]) == last["rows"] * len(last["channels"]) == 8
    assert (len(first["channels"]), len(first["values"][0])) == (8, 20)
    assert (len(body["activation"]["labels"]), body["silence"]) == (2, None)


def test_silence_is_shown_as_nothing(server: Server) -> None:
    body = answer(inspect(server, wav_bytes(silence(3))))
    assert (body["features"], body["activation"]["labels"][0]["score"]) == ([], None)
    assert body["activation"]["labels"][0]["values"] == [None]
    assert min(body["silence"]["likelihoods"]) > 0.5
    assert "silence has no label" in body["warnings"][0]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"model": "x"}, 404, "unknown_model"),
        ({"layer": "features.0.conv"}, 422, "invalid_parameter"),
        ({"layer": ["energies.norm"] * 13}, 422, "invalid_parameter"),
        ({"rows": 257}, 422, "invalid_parameter"),
        ({"columns": 1001}, 422, "invalid_parameter"),
        ({"colums": 10}, 422, "invalid_parameter"),
    ],
)
def test_parameters_are_checked(server: Server, query: dict[str, Any], status: int, code: str) -> None:
    response = inspect(server, **query)
    assert (response.status_code, response.json()["code"]) == (status, code)
    if query == {"layer": "features.0.conv"}:
        assert "there are: energies.filters.conv, energies.pool.pool" in response.json()["detail"]


def test_files_are_refused_as_by_classify(small_server: Server) -> None:
    bad = [
        (b"no sound at all, but long enough to be looked at", "audio/wav"),
        (b"", "audio/wav"),
        (SONG, "text/plain"),
        (wav_bytes(silence(61)), "audio/wav"),
        (bytes(4_000_001), "audio/wav"),
    ]
    for data, content_type in bad:
        response, known = inspect(small_server, data, content_type), small_server.classify(data, content_type)
        assert response.headers["content-type"] == "application/problem+json"
        assert (response.status_code, response.json()["code"]) == (known.status_code, known.json()["code"])
    several = small_server.client.post("/v1/inspect", files=[("file", ("a.wav", SONG)), ("file", ("b.wav", SONG))])
    assert (several.status_code, several.json()["code"]) == (413, "too_many_files")


def engine_of(model: Path) -> LocalEngine:
    return LocalEngine(Settings(model=str(model), workers=1))


def test_a_model_without_named_layers_answers_but_cannot_be_looked_into(tmp_path: Path) -> None:
    directory = write_model(tmp_path, tiny_spec())
    annotated = (directory / "model.onnx").read_bytes()
    (directory / "model.onnx").write_bytes(annotated.replace(b"audiocnn.layers", b"audiocnn.lAyErs"))

    async def ask() -> None:
        engine = engine_of(directory)
        await engine.start()
        try:
            with pytest.raises(NotInspectableError, match="audiocnn export"):
                await engine.inspect(InspectRequest(SONG))
        finally:
            await engine.close()

    asyncio.run(ask())


def change(directory: Path) -> None:
    """Other weights for the model in `directory`."""
    spec, network = checkpoint.load_network(directory)
    with torch.no_grad():
        network.head.bias.add_(torch.randn(network.head.bias.shape))
    checkpoint.save(directory, spec, network)
    export_onnx(directory)


def test_what_is_shown_is_the_model_that_answers(tmp_path: Path) -> None:
    """New files count once they are reloaded, for a look inside too."""

    async def ask() -> None:
        engine = engine_of(write_model(tmp_path, tiny_spec()))
        await engine.start()
        try:
            before = await engine.inspect(InspectRequest(SONG))
            change(tmp_path)
            assert (await engine.inspect(InspectRequest(SONG))).view.scores == pytest.approx(before.view.scores)
            await engine.reload("tiny")
            after = await engine.inspect(InspectRequest(SONG))
            assert after.view.scores != pytest.approx(before.view.scores)
            await engine.reload("tiny")
            change(tmp_path)
            with pytest.raises(NotInspectableError, match="were replaced"):
                await engine.inspect(InspectRequest(SONG))
        finally:
            await engine.close()

    asyncio.run(ask())
