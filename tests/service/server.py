"""A real service in its own process, on a free port."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str
    greeting: str
    log_path: Path
    client: httpx.Client

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """The line is written after the client has its answer."""
        deadline = time.monotonic() + 60
        while self.log.count(text) < times:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def classify(self, data: bytes, content_type: str = "audio/wav", **query: Any) -> httpx.Response:
        return self.client.post("/classify", content=data, headers={"Content-Type": content_type}, params=query)

    def classify_form(self, data: bytes, name: str = "x.wav", **query: Any) -> httpx.Response:
        return self.client.post("/classify", files={"file": (name, data)}, params=query)


@contextmanager
def running_service(port: int = 0, **settings: Any) -> Iterator[Server]:
    """The service with these settings, which is told to stop at the end.

    port: 0 for a free one.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDIOCNN_")}
    with tempfile.TemporaryDirectory() as folder:
        settings = {"drain_s": 0, "jobs_dir": Path(folder) / "jobs"} | settings
        environment |= {f"AUDIOCNN_{name.upper()}": str(value) for name, value in settings.items()}
        log_path = Path(folder) / "log"
        with (
            log_path.open("w") as log,
            subprocess.Popen(
                [sys.executable, "-m", "service", "--port", str(port)],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            try:
                url, greeting = _greeting(process, log_path)
                # No connection is kept, so that none is reused just as the server closes it.
                limits = httpx.Limits(max_keepalive_connections=0)
                with httpx.Client(base_url=url, timeout=30, limits=limits) as client:
                    yield Server(process, url, greeting, log_path, client)
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise


def _greeting(process: subprocess.Popen[str], log_path: Path) -> tuple[str, str]:
    """The address that the service prints once it listens, and all it prints."""
    stdout = process.stdout
    assert stdout is not None
    greeting = ""
    while "curl" not in greeting:
        line = stdout.readline()
        assert line, f"the service did not start:\n{log_path.read_text()}"
        greeting += line
    found = re.search(r"http://[\d.]+:\d+", greeting)
    assert found, greeting
    return found[0], greeting


def assert_problem(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The response is a problem in every part, and gives nothing away."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    members = ["type", "title", "status", "detail", "instance", "code", "request_id"]
    if body["instance"].startswith("/v2"):
        assert body["error"] == body["detail"]
        members.append("error")
    assert list(body) == members
    assert body["status"] == status
    assert body["type"] == f"urn:audiocnn:problem:{body['code']}"
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    assert code is None or body["code"] == code
    assert ("retry-after" in response.headers) == (status in (429, 503))
    shown = re.sub(r"/docs|multipart/form-data|\w+/\w+ \(any \w+/\*\) or application/octet-stream", "", body["detail"])
    for secret in ("Traceback", "libsndfile", "soundfile", "Error opening", "/", "File "):
        assert secret not in shown
    return body
