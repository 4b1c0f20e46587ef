"""Two replicas behind the nginx of docker/nginx.conf: overload, a killed replica, and none left."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.audio_files import tone, wav_bytes
from tests.service.load import Load
from tests.service.server import ROOT, Server, assert_problem, running_service

GLOBAL = "daemon off;" if os.getuid() else "daemon off; user root;"  # or its workers may not write to the test's folder
GOOD = wav_bytes(tone(seconds=0.2))


@contextmanager
def balanced(folder: Path, *replicas: Server) -> Iterator[httpx.Client]:
    """A client of an nginx before these replicas."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = (ROOT / "docker" / "nginx.conf").read_text().replace("/tmp/", f"{folder}/")
    configuration = configuration.replace("listen 8080", f"listen 127.0.0.1:{port}")
    for number, replica in enumerate(replicas, 1):
        assert f"replica-{number}:8000" in configuration
        configuration = configuration.replace(f"replica-{number}:8000", f"127.0.0.1:{replica.port}")
    file = folder / "nginx.conf"
    file.write_text(configuration)
    command = ["nginx", "-p", str(folder), "-c", str(file), "-e", "stderr", "-g", GLOBAL]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log) as nginx:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                deadline = time.monotonic() + 20
                while True:
                    try:
                        client.get("/livez")
                        break
                    except httpx.TransportError:
                        assert time.monotonic() < deadline, (folder / "log").read_text()
                        time.sleep(0.05)
                yield client
        finally:
            nginx.terminate()


def test_a_killed_replica_costs_nothing_behind_nginx(tmp_path: Path) -> None:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    with (
        running_service(workers=1, keep_alive_s=60) as one,
        running_service(workers=1, keep_alive_s=60) as other,
        balanced(tmp_path, one, other) as client,
    ):
        with Load(client, GOOD, clients=6) as load:
            load.wait_for(30)
            other.process.send_signal(signal.SIGKILL)
            load.wait_for(load.outcomes.total() + 30)
        assert set(load.outcomes) == {"200"}
        assert "POST /classify 200" in one.log
        assert "POST /classify 200" in other.log
        assert client.get("/metrics").status_code == 404

        one.process.send_signal(signal.SIGKILL)
        one.process.wait(10)
        response = client.get("/livez")
        assert response.status_code == 503
        assert response.json()["code"] == "unavailable"
        assert response.headers["retry-after"] == "2"


def test_overload_behind_nginx_is_503_with_our_words(tmp_path: Path) -> None:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    with (
        running_service(workers=1, max_queue=0, keep_alive_s=60) as one,
        running_service(workers=1, max_queue=0, keep_alive_s=60) as other,
        balanced(tmp_path, one, other) as client,
    ):
        with Load(client, wav_bytes(tone(seconds=20)), clients=12) as load:
            load.wait_for(60)
        assert set(load.outcomes) == {"200", "503"}
        assert_problem(load.refused[0], 503, "overloaded")
