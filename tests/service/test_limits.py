"""Limits on size, time and load, each reached."""

import asyncio
import contextlib
import select
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from audiocnn import AudioError, Classifier, Result
from service.engines import ClassifyRequest, LocalEngine
from service.errors import DeadlineExceededError, OverloadedError
from service.settings import Settings
from tests.audio_files import encoded, noise, silence, tone, wav_bytes
from tests.service.load import Load
from tests.service.server import Server, assert_problem, running_service

GOOD = wav_bytes(tone(seconds=0.2))
MINUTE = wav_bytes(noise(60.0))
LIMIT = 4_000_000


FORM_START = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.wav"\r\n\r\n'


def pieces(num_bytes: int, start: bytes = b"") -> Iterator[bytes]:
    """A body of unknown length: sent in chunks."""
    if start:
        yield start
    for _ in range(num_bytes // 50_000):
        yield bytes(50_000)


@pytest.mark.parametrize("content_type", ["audio/wav", "multipart/form-data; boundary=x"])
def test_declared_length_over_the_limit(small_server: Server, content_type: str) -> None:
    problem = assert_problem(small_server.classify(bytes(5_000_000), content_type), 413, "body_too_large")
    assert str(LIMIT) in problem["detail"]


@pytest.mark.parametrize(
    ("content_type", "start"), [("audio/wav", b""), ("multipart/form-data; boundary=x", FORM_START)]
)
def test_chunked_body_over_the_limit(small_server: Server, content_type: str, start: bytes) -> None:
    headers = {"Content-Type": content_type}
    response = small_server.client.post("/classify", content=pieces(20_000_000, start), headers=headers)
    assert "content-length" not in response.request.headers
    assert_problem(response, 413, "body_too_large")


def test_file_in_a_form_over_the_limit(small_server: Server) -> None:
    assert_problem(small_server.classify_form(bytes(LIMIT + 1)), 413, "file_too_large")


def test_a_length_without_a_body_is_refused_at_once(small_server: Server) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 4294967296\r\n\r\n"
    # Without the early check this would be 408.
    with socket.create_connection(("127.0.0.1", small_server.port), timeout=10) as connection:
        connection.sendall(head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_sends_everything_first_still_reads_the_refusal(small_server: Server) -> None:
    # urllib writes the whole body before it reads: a connection closed under it would be all it sees.
    request = urllib.request.Request(
        f"{small_server.url}/classify", data=bytes(30_000_000), headers={"Content-Type": "audio/wav"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    with refused.value as response:
        assert response.code == 413
        assert response.headers["Connection"] == "close"


def test_duration_over_the_limit(small_server: Server) -> None:
    assert_problem(small_server.classify(encoded(silence(61.0), format="FLAC")), 413, "audio_too_large")
    assert small_server.classify(encoded(silence(60.0), format="FLAC")).status_code == 200


def test_decoded_size_over_the_limit(small_server: Server) -> None:
    bomb = encoded(silence(40.0, 48_000, channels=8), 48_000, format="FLAC")
    assert len(bomb) < LIMIT / 10
    assert_problem(small_server.classify(bomb), 413, "audio_too_large")


def test_slow_body() -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 100000\r\n\r\n"
    with (
        running_service(body_timeout_s=0.5) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=0.1) as connection,
    ):
        give_up = time.monotonic() + 60
        connection.sendall(head)
        answer = b""
        while not answer.endswith(b"}"):
            assert time.monotonic() < give_up, answer
            with contextlib.suppress(TimeoutError):
                connection.sendall(b"R")
                answer += connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b'"code":"slow_body"' in answer


def test_client_that_leaves_is_no_error(small_server: Server) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 100000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", small_server.port), timeout=10) as connection:
        connection.sendall(head + bytes(1000))
    small_server.wait_for_log("POST /classify client left")
    assert "Traceback" not in small_server.log


def test_overload_is_answered_503_and_nothing_else(small_server: Server) -> None:
    with Load(small_server.client, MINUTE, clients=10) as load:
        load.wait_for(30)
    assert set(load.outcomes) == {"200", "503"}
    for response in load.refused:
        assert_problem(response, 503, "overloaded")
        assert int(response.headers["retry-after"]) >= 1
    assert len(load.answers) == 1
    assert small_server.classify(GOOD).status_code == 200


def test_memory_for_uploads_is_bounded_and_given_back(small_server: Server) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 3900000\r\n\r\n"
    address = ("127.0.0.1", small_server.port)
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(9)]
        for connection in waiting:
            connection.sendall(head + bytes(3_899_999))
        while len(waiting) > 7:  # seven of 3.9 MB fit into 30 MB
            (refused, *_), _, _ = select.select(waiting, [], [], 60)
            assert refused.recv(65536).startswith(b"HTTP/1.1 503 ")
            waiting.remove(refused)
        for connection in waiting:
            connection.sendall(b"\0")
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert small_server.classify(bytes(3_900_000)).status_code == 400
    assert small_server.classify(GOOD).status_code == 200


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """A file at work tells that it has begun, and goes on when it may."""
    began, free = threading.Event(), threading.Event()
    whole = Classifier.classify

    def classify(self: Classifier, *arguments: Any, **options: Any) -> Result:
        began.set()
        assert free.wait(60)
        return whole(self, *arguments, **options)

    monkeypatch.setattr(Classifier, "classify", classify)
    return began, free


def test_deadline_leaves_the_worker_its_place_until_it_is_free(held: tuple[threading.Event, threading.Event]) -> None:
    began, free = held
    engine = LocalEngine(Settings(workers=1, max_queue=0))

    async def scenario() -> None:
        await engine.start()
        late = asyncio.create_task(engine.classify(ClassifyRequest(GOOD, deadline_s=time.monotonic() + 1)))
        assert await asyncio.to_thread(began.wait, 60)
        with pytest.raises(DeadlineExceededError):
            await late
        with pytest.raises(OverloadedError):
            await engine.classify(ClassifyRequest(GOOD, deadline_s=time.monotonic() + 60))
        free.set()
        for _ in range(3000):
            await asyncio.sleep(0.02)
            try:
                await engine.classify(ClassifyRequest(b"not audio", deadline_s=time.monotonic() + 60))
            except OverloadedError:
                continue
            except AudioError:
                break
        else:
            pytest.fail("the place was never given back")
        await engine.close()

    asyncio.run(scenario())


def test_queue_time_is_measured(held: tuple[threading.Event, threading.Event]) -> None:
    began, free = held
    engine = LocalEngine(Settings(workers=1, max_queue=4))

    async def scenario() -> None:
        await engine.start()
        asked_s = time.monotonic()
        request = ClassifyRequest(MINUTE, deadline_s=asked_s + 60)
        tasks = [asyncio.create_task(engine.classify(request)) for _ in range(3)]
        assert await asyncio.to_thread(began.wait, 60)
        assert engine.queue_depth == 2
        await asyncio.sleep(0.2)
        free.set()
        results = await asyncio.gather(*tasks)
        waits = [result.timing.queue_ms for result in results]
        assert waits[0] < waits[1]
        assert 200 <= waits[1] < waits[2] < 1000 * (time.monotonic() - asked_s)
        await engine.close()

    asyncio.run(scenario())
