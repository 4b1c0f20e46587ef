"""`audiocnn.client` against the service itself, and against things that are no service."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiocnn import Classifier, Estimate
from audiocnn.client import Classification, Client, ServiceError, UnexpectedAnswerError
from audiocnn.errors import ConfigError, UnreadableFileError
from audiocnn.spec import Quantity, TaskSpec
from tests.audio_files import music, noise, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.service.server import Server, running_service

SONG, NOISE = wav_bytes(music(5)), wav_bytes(noise(2))


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, timeout_s=30) as client:
        yield client


def test_classify_gives_the_librarys_answer(client: Client, classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    path.write_bytes(SONG)
    expected = classifier.classify(SONG, window_s=2)
    for file in (SONG, path, str(path)):
        found = client.classify(file, window_s=2, segments=True)
        assert found.model == expected.model
        assert (found.media, found.info["duration_s"]) == ("audio", 5.0)
        assert [p.label for p in found.predictions] == [p.label for p in expected.predictions]
        assert found.labels == expected.labels
        assert [s.end_s for s in found.segments] == [s.segment.end_s for s in expected.segments]
        assert found.segments[0].predictions[0].label == expected.segments[0].predictions[0].label
    assert len(client.classify(SONG, top_k=1).predictions) == 1
    assert client.classify(SONG).segments == ()


def test_what_the_service_refuses_is_an_exception(client: Client) -> None:
    with pytest.raises(ServiceError, match="The audio cannot be decoded: the bytes are not audio") as refused:
        client.classify(b"text")
    assert (refused.value.code, refused.value.status) == ("undecodable_audio", 400)
    assert refused.value.request_id == refused.value.problem["request_id"]
    with pytest.raises(ServiceError) as refused:
        client.classify(SONG, model="nothing")
    assert refused.value.code == "unknown_model"
    with pytest.raises(UnreadableFileError, match=r"cannot read nothing\.wav"):
        client.classify("/nowhere/nothing.wav")
    with pytest.raises(ServiceError) as refused:
        client.job("../models")
    assert refused.value.status == 404


def test_several_files_each_have_their_outcome(client: Client) -> None:
    good, bad = client.classify_many([SONG, b"text"], top_k=1)
    assert isinstance(good, Classification)
    assert len(good.predictions) == 1
    assert isinstance(bad, ServiceError)
    assert bad.code == "undecodable_audio"
    (alone,) = client.classify_many([NOISE])
    assert isinstance(alone, Classification)
    with pytest.raises(ConfigError, match="at least one file"):
        client.classify_many([])


def test_models_and_readiness(client: Client, classifier: Classifier) -> None:
    (model,) = client.models()
    assert model.info == classifier.info
    assert model.labels == classifier.spec.task.labels
    assert client.ready()


def test_jobs(client: Client) -> None:
    job = client.submit(SONG, segments=True, idempotency_key="client-1")
    assert client.submit(SONG, segments=True, idempotency_key="client-1").id == job.id
    done = client.wait(job.id, timeout_s=30, poll_s=0.05)
    assert done.state == "done"
    assert done.result is not None
    assert len(done.result.segments) == 2
    assert done.finished is not None
    assert done.finished >= done.created
    failed = client.wait(client.submit(b"text").id, timeout_s=30, poll_s=0.05)
    assert failed.error is not None
    assert failed.error.code == "undecodable_audio"
    client.remove(job.id)
    with pytest.raises(ServiceError) as gone:
        client.job(job.id)
    assert gone.value.code == "job_not_found"


def test_the_network_alone(client: Client, classifier: Classifier) -> None:
    windows = np.random.default_rng(0).standard_normal((2, 1, 64_000)).astype(np.float32)
    np.testing.assert_allclose(client.infer("genre", windows), classifier.infer(windows), rtol=1e-5)


def test_estimates_and_reload(tmp_path: Path) -> None:
    task = TaskSpec("regression", ("tempo",), (Quantity("BPM", 20, 300, 120, 30),))
    model = write_model(tmp_path, tiny_spec(task=task))
    with running_service(model=model, admin_token="secret") as server, Client(server.url) as client:
        (estimate,) = client.classify(SONG).predictions
        assert isinstance(estimate, Estimate)
        assert estimate.unit == "BPM"
        assert client.reload("tiny", "secret").info.version == "1.2.3"
        with pytest.raises(ServiceError) as refused:
            client.reload("tiny", "wrong")
        assert refused.value.code == "forbidden"


class Scripted(BaseHTTPRequestHandler):
    """Gives the answers of `script` one after another, the last one for ever, and counts."""

    script: list[tuple[int, dict[str, str], bytes]]
    asked: int

    def do_GET(self) -> None:
        status, headers, body = self.script[min(type(self).asked, len(self.script) - 1)]
        type(self).asked += 1
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[tuple[type[Scripted], str]]:
    handler = type("Handler", (Scripted,), {"asked": 0, "script": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield handler, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


BUSY = (
    503,
    {"Retry-After": "1"},
    b'{"type": "x", "title": "The service is busy", "status": 503, "detail": "later", "instance": "", '
    b'"code": "overloaded", "request_id": "r"}',
)


def test_busy_services_are_asked_again_when_they_say(scripted: tuple[type[Scripted], str]) -> None:
    handler, url = scripted
    handler.script = [BUSY, BUSY, (200, {}, b'{"models": []}')]
    started = time.monotonic()
    with Client(url) as client:
        assert client.models() == []
    assert handler.asked == 3
    assert 2 <= time.monotonic() - started < 10


def test_retries_end(scripted: tuple[type[Scripted], str]) -> None:
    handler, url = scripted
    handler.script = [BUSY]
    with Client(url, retries=1) as client, pytest.raises(ServiceError) as busy:
        client.models()
    assert (handler.asked, busy.value.retry_after_s) == (2, 1.0)
    with Client(url, max_wait_s=0.5) as client, pytest.raises(ServiceError):
        client.models()
    assert handler.asked == 3


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b"[]"), (200, b'{"x": 1}'), (502, b"bad gateway"), (404, b'{"x": 1}')]
)
def test_what_is_no_service_is_told(scripted: tuple[type[Scripted], str], status: int, body: bytes) -> None:
    handler, url = scripted
    handler.script = [(status, {"Content-Type": "text/html"}, body)]
    with Client(url) as client, pytest.raises(UnexpectedAnswerError):
        client.models()


def test_the_client_needs_nothing_of_the_service() -> None:
    script = (
        "import sys, audiocnn.client; sys.exit(bool({'fastapi', 'onnxruntime', 'torch', 'service'} & {*sys.modules}))"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
