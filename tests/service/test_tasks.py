"""A regression served: value and unit in the answer, what it measures in /v1/models, and a schema that says so."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from audiocnn.spec import Quantity, TaskSpec
from service.schemas import ClassifyResponse, EstimateBody, ModelsResponse, PredictionBody
from tests.audio_files import music, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.service.server import Server, running_service

TEMPO = TaskSpec("regression", ("tempo", "swing"), (Quantity("BPM", 20, 300, 120, 30), Quantity("")))


@pytest.fixture(scope="module")
def tempo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    model: Path = write_model(tmp_path_factory.mktemp("tempo"), tiny_spec(task=TEMPO))
    with running_service(model=model, workers=1) as server:
        yield server


def test_estimates_have_value_and_unit_and_all_are_told(tempo_server: Server) -> None:
    response = tempo_server.classify(wav_bytes(music(1)), top_k=1, threshold=1, segments=True)
    assert response.status_code == 200, response.text
    body = response.json()
    for predictions in (body["predictions"], body["segments"][0]["predictions"]):
        assert [(p["label"], p["unit"]) for p in predictions] == [("tempo", "BPM"), ("swing", "")]
        assert all(set(p) == {"label", "value", "unit"} for p in predictions)
        assert 20 <= predictions[0]["value"] <= 300
    answer = ClassifyResponse.model_validate(body)
    assert all(isinstance(p, EstimateBody) for p in answer.predictions)
    assert answer.model_dump(exclude_unset=True) == body


def test_the_served_model_tells_what_it_measures(tempo_server: Server) -> None:
    body = tempo_server.client.get("/v1/models").json()
    (model,) = ModelsResponse.model_validate(body).models
    undecided = {"temperature": 1.0, "thresholds": [], "unknown_below": 0.0}
    assert body["models"][0]["task"] == json.loads(json.dumps(tiny_spec(task=TEMPO).to_json()["task"])) | undecided
    assert (model.task.kind, model.task.quantities[0].high) == ("regression", 300)


def test_scores_stay_scores(server: Server) -> None:
    answer = ClassifyResponse.model_validate(server.classify(wav_bytes(music(1))).json())
    assert all(isinstance(p, PredictionBody) for p in answer.predictions)
    model = server.client.get("/v1/models").json()["models"][0]
    assert model["task"]["quantities"] == []
