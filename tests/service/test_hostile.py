"""Hostile files and forms over HTTP, alone and among good ones: an answer or a problem for each, and nobody else
notices.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from audiocnn import errors as library
from tests.audio_files import music, tone, wav_bytes
from tests.hostile import ANSWER, HostileFile, damaged, hostile_pictures, hostile_sounds, truncations
from tests.service.server import Server, assert_problem, running_service

GOOD = wav_bytes(tone(seconds=0.2))
SONG = wav_bytes(music(2))
DAMAGED = 40


@pytest.fixture(scope="module")
def besieged() -> Iterator[Server]:
    with running_service(workers=2, max_queue=64) as server:
        yield server
        assert "Traceback" not in server.log
        assert 'code="500"' not in server.client.get("/metrics").text


def check(response: httpx.Response, file: HostileFile) -> None:
    """The right answer for this file when the model hears sound."""
    if response.status_code == 200:
        assert ANSWER in file.expected or file.medium != "audio", file.name
        return
    problem = assert_problem(response, response.status_code)
    if file.medium == "audio":
        assert problem["code"] in file.expected, (file.name, problem)
    assert response.status_code < 500, (file.name, problem)


@pytest.mark.parametrize("file", [*hostile_sounds(), *hostile_pictures()], ids=lambda file: file.name)
def test_each_hostile_file_alone(besieged: Server, file: HostileFile) -> None:
    check(besieged.classify(file.data, "application/octet-stream"), file)


def test_hostile_files_among_good_ones(besieged: Server) -> None:
    expected = besieged.classify(SONG).json()["predictions"]
    files = [*hostile_sounds(), *hostile_pictures(), *damaged(DAMAGED), *truncations(step=211)]

    def attack(file: HostileFile) -> None:
        check(besieged.classify_form(file.data, name="../../../etc/passwd"), file)

    def work(_: int) -> None:
        response = besieged.classify(SONG)
        assert response.status_code == 200, response.text
        assert response.json()["predictions"] == expected

    with ThreadPoolExecutor(16) as pool:
        attacks = [pool.submit(attack, file) for file in files]
        work_done = [pool.submit(work, number) for number in range(len(files) // 4)]
        for task in (*attacks, *work_done):
            task.result(120)


def form(parts: bytes, boundary: str = "b") -> tuple[bytes, str]:
    return parts, f"multipart/form-data; boundary={boundary}"


def part(name: str, content: bytes = GOOD) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n"


FORMS = {
    "a thousand files": form(part("x.wav") * 1000 + b"--b--\r\n"),
    "ten thousand empty parts": form(b"--b\r\n\r\n\r\n" * 10_000 + b"--b--\r\n"),
    "endless part header": form(b"--b\r\nX: " + b"a" * 2_000_000),
    "a hundred thousand part headers": form(b"--b\r\n" + b"X: y\r\n" * 100_000 + b"\r\n\r\n--b--\r\n"),
    "forms in forms": form((b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n") * 1000),
    "no closing boundary": form(part("x.wav")),
    "only the boundary": form(b"--b--"),
    "boundary of 5000 bytes": form(b"--b--", "a" * 5000),
    "boundary of nothing": form(part("x.wav"), ""),
    "dashes": form(b"-" * 1_000_000),
    "line ends": form(b"\r\n" * 500_000),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_that_are_bombs(besieged: Server, name: str) -> None:
    body, content_type = FORMS[name]
    response = besieged.classify(body, content_type)
    assert_problem(response, response.status_code)
    assert response.status_code in (400, 413, 415, 422)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "/etc/passwd",
        "a\x00b.wav",
        "x" * 10_000,
        "con",
        "<script>",
        "{{7*7}}",
        "",
    ],
)
def test_a_file_name_is_only_a_name(besieged: Server, name: str) -> None:
    response = besieged.classify(part(name) + b"--b--\r\n", "multipart/form-data; boundary=b")
    assert response.status_code in (200, 400, 422)
    assert "etc/passwd" not in response.text + besieged.log
    assert "<script>" not in besieged.log


def test_every_code_of_the_corpus_is_one_of_ours() -> None:
    ours = {getattr(kind, "code", None) for kind in vars(library).values()} | {ANSWER}
    assert set().union(*(file.expected for file in hostile_sounds())) <= ours
