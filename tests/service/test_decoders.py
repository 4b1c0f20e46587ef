"""Decoders of the service: killed ones are replaced, counted, and cost no request; none outlives the service."""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.audio_files import encoded, music, wav_bytes
from tests.service.server import Server, assert_problem, running_service

FLAC = encoded(music(20, 22_050), 22_050)

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes through /proc")


def decoders(server: Server) -> list[int]:
    """The processes that the service has started."""
    found = subprocess.run(
        ["ps", "-ww", "-o", "pid=,ppid=,args=", "-A"], check=True, capture_output=True, text=True
    ).stdout
    rows = [line.split(None, 2) for line in found.splitlines()]
    return [int(pid) for pid, parent, command in rows if int(parent) == server.process.pid and "isolation" in command]


def restarts(server: Server) -> float:
    text = server.client.get("/metrics").text
    return float(
        next(line.split()[1] for line in text.splitlines() if line.startswith("audiocnn_worker_restarts_total"))
    )


def test_killed_decoders_cost_no_request() -> None:
    with running_service(workers=2) as server:
        assert server.classify(wav_bytes(music(1))).status_code == 200
        assert decoders(server) == []
        expected = server.classify(FLAC).json()["predictions"]
        assert len(decoders(server)) == 1

        answers = []
        enough = threading.Event()

        def keep_asking() -> None:
            while not enough.is_set():
                answers.append(server.classify(FLAC))

        threads = [threading.Thread(target=keep_asking) for _ in range(2)]
        for thread in threads:
            thread.start()
        killed: list[int] = []
        while len(killed) < 2:  # a file whose third decoder is killed is given up
            time.sleep(0.3)
            for pid in [pid for pid in decoders(server) if pid not in killed][:1]:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        enough.set()
        for thread in threads:
            thread.join()
        assert {answer.status_code for answer in answers} == {200}
        assert all(answer.json()["predictions"] == expected for answer in answers)
        server.classify(FLAC)
        assert restarts(server) == 2
        left = decoders(server)
        assert left
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + 60
        while any(_alive(pid) for pid in left):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_file_whose_decoders_are_all_killed_may_come_again() -> None:
    with running_service(workers=1) as server:
        over = threading.Event()

        def kill() -> None:
            while not over.is_set():
                for pid in decoders(server):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        refused = server.classify(FLAC)
        over.set()
        killer.join()
        assert_problem(refused, 503, "not_ready")
        assert server.classify(FLAC).status_code == 200


def test_decoders_end_with_the_service() -> None:
    with running_service(workers=1, decoders=1) as server:
        server.classify(FLAC)
        (pid,) = decoders(server)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
