"""The service with models of images and of video: the same contract, another Content-Type."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audiocnn import Classifier, ImageSpec
from service.schemas import ClassifyResponse, ModelsResponse
from tests.audio_files import music, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.service.server import Server, assert_problem, running_service
from tests.visual_files import image_bytes, noise_picture

PICTURE = image_bytes(noise_picture(40, 60))
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = tiny_spec(architecture="lenet-5", arguments={}, input=ImageSpec(32, 32))
    return write_model(tmp_path_factory.mktemp("image"), spec)


@pytest.fixture(scope="module")
def image_server(model: Path) -> Iterator[Server]:
    with running_service(model=str(model)) as server:
        yield server


def test_every_way_to_send_a_picture_gives_the_librarys_answer(image_server: Server, model: Path) -> None:
    expected = Classifier.load(model).classify(PICTURE).to_json()
    answers = [
        image_server.classify(PICTURE, "image/png"),
        image_server.classify(PICTURE, "image/jpeg"),  # what it is, its content says
        image_server.classify(PICTURE, "application/octet-stream"),
        image_server.classify_form(PICTURE, "x.png"),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        ClassifyResponse.model_validate(body)
        assert body["image"] == {"width": 60, "height": 40, "mode": "RGB", "format": "png"}
        assert {k: body[k] for k in ("model", "predictions", "warnings")} == {
            k: expected[k] for k in ("model", "predictions", "warnings")
        }


def test_it_says_what_it_takes(image_server: Server) -> None:
    (served,) = ModelsResponse.model_validate(image_server.client.get("/v1/models").json()).models
    assert served.input.media == "image"
    problem = assert_problem(image_server.classify(PICTURE, "audio/wav"), 415, "unsupported_media_type")
    assert "the model takes image" in problem["detail"]
    assert "image/png (any image/*)" in problem["detail"]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (wav_bytes(music(1)), 415, "unsupported_visual"),
        (b"hello, this is text", 400, "undecodable_visual"),
        (PICTURE[:200], 400, "undecodable_visual"),
        (b"", 400, "empty_visual"),
        (image_bytes(noise_picture(1, 1)).replace(b"IHDR\0\0\0\1\0\0\0\1", b"IHDR\0\1\0\0\0\1\0\0"), 400, None),
    ],
    ids=["wav", "text", "cut", "empty", "forged size"],
)
def test_what_is_no_picture_is_a_problem_of_the_caller(
    image_server: Server, data: bytes, status: int, code: str | None
) -> None:
    response = image_server.classify(data, "application/octet-stream")
    if code is None:
        assert 400 <= response.status_code < 500
        assert_problem(response, response.status_code)
    else:
        assert_problem(response, status, code)
    assert image_server.classify(PICTURE, "image/png").status_code == 200


def test_the_bundled_model_of_video_sees_where_digits_move() -> None:
    with running_service(model="moving-digits") as server:
        for path in sorted(EXAMPLES.iterdir()):
            body = server.classify(path.read_bytes(), "video/mp4", segments="true").json()
            ClassifyResponse.model_validate(body)
            assert body["predictions"][0]["label"] == path.stem
            assert body["predictions"][0]["score"] > 0.9
            assert body["video"]["num_frames"] == 16
            (segment,) = body["segments"]
            assert (segment["start_s"], segment["silent"]) == (0.0, False)
        assert_problem(server.classify(PICTURE, "video/mp4"), 415, "unsupported_visual")
