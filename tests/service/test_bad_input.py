"""Bad input: the right status, a problem that says what to do, and a service that goes on as before."""

import random
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from tests.audio_files import encoded, format_body, music, tone, wav_bytes
from tests.hostile import ANSWER, HostileFile, hostile_sounds
from tests.service.server import Server, assert_problem

GOOD = wav_bytes(tone(seconds=0.2))

STATUS = {
    "undecodable_audio": 400,
    "empty_audio": 400,
    "audio_too_large": 413,
    "unsupported_audio": 415,
    "non_finite_audio": 422,
}


@pytest.fixture(autouse=True)
def _nothing_breaks(server: Server) -> Iterator[None]:
    """After every test here the service is as well as before, and nothing unexpected is in its log."""
    yield
    assert server.classify(GOOD).status_code == 200
    assert "Traceback" not in server.log


@pytest.mark.parametrize("file", hostile_sounds(), ids=lambda file: file.name)
def test_hostile_sounds(server: Server, file: HostileFile) -> None:
    response = server.classify(file.data)
    if response.status_code == 200:
        assert ANSWER in file.expected, response.text
        assert response.json()["model"]
    else:
        problem = assert_problem(response, STATUS[response.json()["code"]])
        assert problem["code"] in file.expected


def test_no_damaged_file_is_the_service_s_fault(server: Server) -> None:
    dice = random.Random(0)
    whole = [GOOD, *(encoded(music(0.5), format=format) for format in ("FLAC", "OGG", "MP3", "AIFF"))]
    with httpx.Client(base_url=server.url, timeout=20) as client:
        for _ in range(60):
            for data in whole:
                damaged = bytearray(data)
                for _ in range(dice.randint(1, 8)):
                    damaged[dice.randrange(min(len(damaged), 400))] = dice.randrange(256)
                response = client.post("/classify", content=bytes(damaged), headers={"Content-Type": "audio/wav"})
                if response.status_code != 200:
                    assert response.status_code in (400, 413, 415, 422), response.text
                    assert_problem(response, response.status_code)


def test_one_nan_among_many_samples(server: Server) -> None:
    sound = music(3.0)
    sound[0, 40_000] = np.nan
    assert_problem(server.classify(wav_bytes(sound, subtype="FLOAT")), 422, "non_finite_audio")


def test_header_that_promises_more_than_an_upload_may_hold(server: Server) -> None:
    body = server.classify(wav_bytes(tone(seconds=0.2), data_size=0xFFFFFFF0)).json()
    assert body["audio"]["duration_s"] == 0.2
    assert "cut short" in body["warnings"][0]


def test_forged_sample_rate_does_not_explode(server: Server) -> None:
    data = wav_bytes(tone(seconds=0.2), format_chunk=format_body(sample_rate=1))
    assert "4000" in assert_problem(server.classify(data), 400, "undecodable_audio")["detail"]


def test_empty_body_without_a_type(server: Server) -> None:
    assert_problem(server.client.post("/classify"), 400, "empty_audio")


def test_type_that_is_not_taken(server: Server) -> None:
    problem = assert_problem(server.classify(GOOD, "application/x-www-form-urlencoded"), 415, "unsupported_media_type")
    assert "audio/wav" in problem["detail"]
    assert_problem(server.classify(GOOD, "text/plain"), 415, "unsupported_media_type")
    assert_problem(server.classify(GOOD, "; ;"), 415, "unsupported_media_type")


def test_compressed_body(server: Server) -> None:
    for codings in (["gzip"], ["identity", "gzip"], ["identity, gzip"]):
        headers = [("Content-Type", "audio/wav"), *(("Content-Encoding", coding) for coding in codings)]
        response = server.client.post("/classify", content=GOOD, headers=headers)
        assert_problem(response, 415, "unsupported_media_type")
    headers = [("Content-Type", "audio/wav"), ("Content-Encoding", "Identity")]
    assert server.client.post("/classify", content=GOOD, headers=headers).status_code == 200


def form(*parts: tuple[str, bytes]) -> bytes:
    """A form of these `Content-Disposition` options and contents, with the boundary x."""
    return (
        b"".join(
            b"--x\r\nContent-Disposition: form-data; " + options.encode() + b"\r\n\r\n" + content + b"\r\n"
            for options, content in parts
        )
        + b"--x--\r\n"
    )


FILE = 'name="file"; filename="a.wav"'

WRONG_FIELDS = {
    "another name": (form(('name="audio"; filename="a.wav"', GOOD)), "not called 'file'"),
    "no name": (form(('filename="a.wav"', GOOD)), "not called 'file'"),
    "text": (form(('name="file"', b"a.wav")), "text and not a file"),
    "an option beside the file": (form((FILE, GOOD), ('name="top_k"', b"3")), "query string"),
    "text after a file": (form((FILE, GOOD), ('name="file"', b"a.wav")), "text and not a file"),
}


@pytest.mark.parametrize("kind", WRONG_FIELDS)
def test_form_with_something_else(server: Server, kind: str) -> None:
    body, hint = WRONG_FIELDS[kind]
    response = server.classify(body, "multipart/form-data; boundary=x")
    assert hint in assert_problem(response, 422, "wrong_field")["detail"]


WHOLE_FORM = form((FILE, GOOD))

MALFORMED = {
    "no boundary": (WHOLE_FORM, "multipart/form-data"),
    "empty boundary": (WHOLE_FORM, "multipart/form-data; boundary="),
    "boundary too long": (WHOLE_FORM, "multipart/form-data; boundary=" + "y" * 1000),
    "another boundary": (WHOLE_FORM, "multipart/form-data; boundary=y"),
    "not a form": (GOOD, "multipart/form-data; boundary=x"),
    "cut in a header": (WHOLE_FORM[:20], "multipart/form-data; boundary=x"),
    "cut in the file": (WHOLE_FORM[:1000], "multipart/form-data; boundary=x"),
    "a header without a colon": (b"--x\r\nnonsense\r\n\r\nabc\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    "a header of a megabyte": (b"--x\r\nA: " + b"y" * 2**20 + b"\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_form(server: Server, kind: str) -> None:
    assert_problem(server.classify(*MALFORMED[kind]), 400, "malformed_body")


def test_empty_form_and_empty_file(server: Server) -> None:
    assert_problem(server.classify(b"--x--\r\n", "multipart/form-data; boundary=x"), 422, "wrong_field")
    assert_problem(server.classify(form((FILE, b"")), "multipart/form-data; boundary=x"), 400, "empty_audio")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("top_k=0", "top_k"),
        ("top_k=-1", "top_k"),
        ("top_k=many", "top_k"),
        ("top_k=" + "9" * 5000, "top_k"),
        ("threshold=1.5", "threshold"),
        ("threshold=nan", "threshold"),
        ("threshold=-inf", "threshold"),
        ("segments=perhaps", "segments"),
        ("window_s=0", "window_s"),
        ("window_s=nan", "window_s"),
        ("hop_s=-1", "hop_s"),
        ("hop_s=inf", "hop_s"),
        ("model=" + "x" * 300, "model"),
        ("topk=3", "topk is not a parameter"),
        ("top_k=0&threshold=2", "; threshold"),
        ("top_k=1&top_k=2", "top_k comes 2 times"),
        ("&".join(f"x{number}=1" for number in range(2000)), "and 1992 more"),
    ],
)
def test_bad_parameters(server: Server, query: str, named: str) -> None:
    response = server.client.post(f"/classify?{query}", files={"file": ("a.wav", GOOD)})
    assert named in assert_problem(response, 422, "invalid_parameter")["detail"]


def test_unknown_address_and_wrong_method(server: Server) -> None:
    assert_problem(server.client.get("/nowhere"), 404, "not_found")
    assert_problem(server.client.post("/classify/", content=GOOD), 404, "not_found")
    response = server.client.get("/classify")
    assert "takes POST, not GET" in assert_problem(response, 405, "method_not_allowed")["detail"]
    assert response.headers["allow"] == "POST"
    for path, methods in {"/v1/jobs/x": "DELETE, GET", "/livez": "GET, HEAD"}.items():
        assert server.client.put(path).headers["allow"] == methods


@pytest.mark.parametrize("wanted", ["bytes=999999999-", "bytes=zz", "pages=1-2", "bytes=0-1" + ",0-1" * 1000])
@pytest.mark.parametrize("path", ["/", "/static/js/main.js", "/docs/swagger-ui.css"])
def test_files_are_sent_whole(server: Server, path: str, wanted: str) -> None:
    response = server.client.get(path, headers={"Range": wanted})
    assert (response.status_code, response.headers["accept-ranges"]) == (200, "none")
    assert response.content == server.client.get(path).content


@pytest.mark.parametrize("version", ["a.b", "1.x", "", "99.0.0", "-1", "1.0.0; escaping=zz"])
@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain"])
def test_metrics_in_a_version_that_there_is_not(server: Server, kind: str, version: str) -> None:
    response = server.client.get("/metrics", headers={"Accept": f"{kind};version={version}"})
    assert response.status_code == 200
    assert "audiocnn_requests_total" in response.text


def test_file_names_stay_private(server: Server) -> None:
    for data in (GOOD, b"not audio"):
        response = server.classify_form(data, name="my-secret-song.wav")
        assert "secret" not in response.text
    server.client.put("/my-secret-song.wav", content=GOOD)  # curl -T does this
    server.wait_for_log("PUT (no route) 404")
    assert "secret" not in server.log
