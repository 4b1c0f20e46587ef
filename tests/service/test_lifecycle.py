"""Start, readiness and a stop that loses nothing."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from tests.audio_files import noise, tone, wav_bytes
from tests.service.server import ROOT, Server, assert_problem, running_service

GOOD = wav_bytes(tone(seconds=0.2))


def test_greeting_holds_a_url_and_a_curl_line(server: Server) -> None:
    assert re.search(rf"^  curl -F file=@song\.wav '{re.escape(server.url)}/classify\?top_k=3'$", server.greeting, re.M)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_health(server: Server, path: str) -> None:
    response = server.client.get(path)
    assert response.status_code == 200
    assert response.json() == {"status": "alive" if path == "/livez" else "ready"}
    assert server.client.head(path).status_code == 200


def test_nothing_but_liveness_before_the_model_is_loaded() -> None:
    # The transport does not run the lifespan, so the model is never loaded.
    app = create_app(Settings())

    async def scenario() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            assert (await client.get("/livez")).status_code == 200
            for path in ("/readyz", "/healthz", "/v1/models"):
                assert_problem(await client.get(path), 503, "not_ready")
            response = await client.post("/classify", content=GOOD, headers={"Content-Type": "audio/wav"})
            assert_problem(response, 503, "not_ready")

    asyncio.run(scenario())


def wait_until_draining(server: Server) -> None:
    deadline = time.monotonic() + 60
    while server.client.get("/readyz").status_code != 503:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_sigterm_drains_and_loses_nothing() -> None:
    song = wav_bytes(noise(20.0))
    head = (
        b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\n"
        b"Content-Length: " + str(len(song)).encode() + b"\r\n\r\n"
    )
    with running_service(drain_s=5, workers=1) as server, ThreadPoolExecutor(4) as pool:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as half_sent:
            half_sent.sendall(head + song[:1000])
            server.process.send_signal(signal.SIGTERM)
            wait_until_draining(server)
            time.sleep(0.5)  # balancers are slow to notice: new requests are still served
            assert server.client.get("/livez").status_code == 200
            queued = [pool.submit(server.classify, song) for _ in range(4)]
            assert [response.result().status_code for response in queued] == [200] * 4
            # Past the drain no connection is accepted, and the one that is still sending may finish.
            deadline = time.monotonic() + 60
            while True:
                try:
                    server.client.get("/livez")
                except httpx.TransportError:
                    break
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert server.process.poll() is None
            half_sent.sendall(song[1000:])
            answer = b""
            while piece := half_sent.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert answer.endswith(b"}")
        assert server.process.wait(60) == 0
        assert "Traceback" not in server.log


def test_second_sigterm_skips_the_wait() -> None:
    with running_service(drain_s=60) as server:
        server.process.send_signal(signal.SIGTERM)
        wait_until_draining(server)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(40) == 0


def test_ctrl_c_stops_at_once_and_quietly() -> None:
    with running_service(drain_s=60) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(40) == 0
        assert server.log == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "no-such-model"], "Error: no bundled model and no model directory is called 'no-such-model'"),
        (["--port", "70000"], "port: Input should be less than or equal to 65535"),
    ],
)
def test_cannot_start_with_wrong_options(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_setting() -> None:
    command = [sys.executable, "-m", "service", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    for name in Settings.model_fields:
        assert re.search(rf"^ +AUDIOCNN_{name.upper()}  \S.* \[\S+\]$", shown, re.M), name


def test_port_in_use_is_said_plainly(server: Server) -> None:
    command = [sys.executable, "-m", "service", "--port", str(server.port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "address already in use" in done.stderr
    assert "curl" not in done.stdout


def test_serving_needs_no_torch_and_import_reads_no_settings() -> None:
    script = """
import asyncio, os, sys
os.environ["AUDIOCNN_PORT"] = "not a port"
import service.__main__
del os.environ["AUDIOCNN_PORT"]
from service.app import create_app
app = create_app()
async def start():
    async with app.router.lifespan_context(app):
        assert app.state.service.engine.ready
asyncio.run(start())
sys.exit("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=60, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
