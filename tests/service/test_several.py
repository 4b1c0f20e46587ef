"""Several files in one request, several models in one service, and windows of other lengths."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audiocnn import Classifier
from service.receive.multipart import shown_name
from service.schemas import ModelsResponse, SeveralResponse
from tests.audio_files import music, noise, tone, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.service.server import Server, assert_problem, running_service

SONG, NOISE, TONE = wav_bytes(music(2)), wav_bytes(noise(2)), wav_bytes(tone(seconds=2))


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("other"), tiny_spec(name="other"))


@pytest.fixture(scope="module")
def two(other_model: Path) -> Iterator[Server]:
    with running_service(models=f" {other_model} ,", workers=2, max_files=4) as server:
        yield server


def send(server: Server, *files: tuple[str, bytes], **query: Any) -> Any:
    return server.client.post("/classify", files=[("file", file) for file in files], params=query)


def items(server: Server, *files: tuple[str, bytes], **query: Any) -> list[dict[str, Any]]:
    response = send(server, *files, **query)
    assert response.status_code == 200, response.text
    body = response.json()
    assert SeveralResponse.model_validate(body).model_dump(exclude_unset=True) == body
    assert body["request_id"] == response.headers["x-request-id"]
    assert [item["index"] for item in body["items"]] == list(range(len(files)))
    found: list[dict[str, Any]] = body["items"]
    return found


def test_each_file_has_the_answer_it_has_alone(two: Server) -> None:
    several = items(two, ("a.wav", SONG), ("b.wav", NOISE), ("c.wav", TONE), top_k=2, segments=True)
    for item, data in zip(several, (SONG, NOISE, TONE), strict=True):
        alone = two.classify(data, top_k=2, segments=True).json()
        assert item["status"] == 200
        assert item["result"]["request_id"]
        assert {k: item["result"][k] for k in ("predictions", "segments", "audio", "labels")} == {
            k: alone[k] for k in ("predictions", "segments", "audio", "labels")
        }


def test_a_bad_file_fails_alone(two: Server) -> None:
    good, text, empty, last = items(two, ("a.wav", SONG), ("b.wav", b"text"), ("c.wav", b""), ("d.wav", TONE))
    assert (good["status"], text["status"], empty["status"], last["status"]) == (200, 400, 400, 200)
    assert text["problem"]["code"] == "undecodable_audio"
    assert empty["problem"]["code"] == "empty_audio"
    assert "problem" not in good
    assert "result" not in text
    assert text["problem"]["type"] == "urn:audiocnn:problem:undecodable_audio"


def test_names_are_told_back_without_folders(two: Server) -> None:
    found = items(two, ("../../etc/secret-song.wav", SONG), ("C:\\music\\b.wav", SONG))
    assert [item["file"] for item in found] == ["secret-song.wav", "b.wav"]
    assert "secret" not in two.log


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"a.wav", "a.wav"),
        (b"", None),
        (b"../..", ".."),
        (b"a/b\\c.wav", "c.wav"),
        (b"a\r\nb\x00\x1b[31m.wav", "ab[31m.wav"),
        ("\u202egnp.wav".encode(), "gnp.wav"),
        (b"\xff.wav", "\ufffd.wav"),
        (b"x" * 1000, "x" * 255),
    ],
)
def test_shown_names(name: bytes, shown: str | None) -> None:
    assert shown_name(name) == shown


def test_too_many_files(two: Server) -> None:
    problem = assert_problem(send(two, *[("a.wav", b"")] * 5), 413, "too_many_files")
    assert "at most 4 files" in problem["detail"]
    assert_problem(send(two, *[("a.wav", b"")] * 1000), 413, "too_many_files")


def test_several_files_when_there_is_no_place(small_server: Server) -> None:
    minute = wav_bytes(noise(60.0))
    found = items(small_server, ("a.wav", minute), ("b.wav", TONE), ("c.wav", TONE))
    # One worker and one place to wait: the files wait for each other and not for places.
    assert [item["status"] for item in found] == [200] * 3


def test_models_are_asked_by_name(two: Server, other_model: Path) -> None:
    served = ModelsResponse.model_validate(two.client.get("/v1/models").json()).models
    assert [model.name for model in served] == ["genre", "other"]
    answer = two.classify(SONG, model="other").json()
    expected = Classifier.load(other_model).classify(SONG).to_json(top_k=5)
    assert answer["model"] == expected["model"]
    assert answer["predictions"] == expected["predictions"]
    assert two.classify(SONG).json()["model"]["name"] == "genre"
    problem = assert_problem(two.classify(SONG, model="../etc"), 404, "unknown_model")
    assert "there are: genre, other" in problem["detail"]


def test_windows_of_other_lengths(two: Server, classifier: Classifier) -> None:
    song = wav_bytes(music(6))
    answer = two.classify(song, window_s=2, hop_s=0.5, segments=True).json()
    expected = classifier.classify(song, window_s=2, hop_s=0.5).to_json(segments=True, top_k=5)
    assert [s["end_s"] - s["start_s"] for s in answer["segments"]] == [2.0] * 9
    assert answer["segments"] == expected["segments"]
    assert answer["predictions"] == expected["predictions"]
    for query, named in (({"window_s": 33}, "between 0.5 and 32"), ({"hop_s": 0.1}, "hop_s must lie between")):
        assert named in assert_problem(two.classify(song, **query), 422, "invalid_window")["detail"]


def test_two_models_of_one_name_do_not_start(other_model: Path) -> None:
    with (
        pytest.raises(AssertionError, match="two models are called 'other'"),
        running_service(model=other_model, models=other_model),
    ):
        pass
