"""A model with several tasks served: `side` in the answer and in each segment, and what it answers in /v1/models."""

import json
from collections.abc import Iterator

import pytest

from audiocnn.spec import Quantity, TaskSpec
from service.schemas import ClassifyResponse, EstimateBody, ModelsResponse, PredictionBody
from tests.audio_files import music, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.service.server import Server, running_service

SIDE = {
    "mood": TaskSpec("multi_label", ("calm", "tense", "sad")),
    "tempo": TaskSpec("regression", ("tempo",), (Quantity("BPM", 20, 300, 120, 30),)),
}


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    model = write_model(tmp_path_factory.mktemp("tagger"), tiny_spec(side_tasks=SIDE))
    with running_service(model=model, workers=1) as server:
        yield server


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_service(model=write_model(tmp_path_factory.mktemp("plain"), tiny_spec()), workers=1) as server:
        yield server


def test_the_answer_has_every_task(tagger: Server) -> None:
    response = tagger.classify(wav_bytes(music(1)), top_k=2, segments=True)
    assert response.status_code == 200, response.text
    body = response.json()
    for answer in (body, body["segments"][0]):
        assert {name: len(found) for name, found in answer["side"].items()} == {"mood": 2, "tempo": 1}
    answer = ClassifyResponse.model_validate(body)
    assert all(isinstance(p, PredictionBody) for p in answer.side["mood"])
    assert all(isinstance(p, EstimateBody) for p in answer.side["tempo"])
    assert answer.model_dump(exclude_unset=True) == body


def test_the_served_model_tells_its_tasks(tagger: Server, plain: Server) -> None:
    body = tagger.client.get("/v1/models").json()
    (model,) = ModelsResponse.model_validate(body).models
    assert {name: task.kind for name, task in model.side_tasks.items()} == {
        "mood": "multi_label",
        "tempo": "regression",
    }
    assert body["models"][0]["side_tasks"]["tempo"]["quantities"] == [
        json.loads(json.dumps(tiny_spec(side_tasks=SIDE).to_json()["side_tasks"]["tempo"]["quantities"][0]))
    ]
    assert plain.client.get("/v1/models").json()["models"][0]["side_tasks"] == {}


def test_a_model_of_one_task_answers_without_them(plain: Server) -> None:
    assert "side" not in plain.classify(wav_bytes(music(1))).json()
