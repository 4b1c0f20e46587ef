"""Several processes behind one address: what a killed one costs, and a stop that costs nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.audio_files import noise, tone, wav_bytes
from tests.service.load import Load
from tests.service.server import ROOT, Server, running_service

GOOD = wav_bytes(tone(seconds=0.2))
SONG = wav_bytes(noise(5.0))
MAX_RSS_KIB = 250 * 1024


def log_lines(server: Server) -> list[dict[str, object]]:
    whole, _, _ = server.log.rpartition("\n")  # a line may be on its way
    return [json.loads(line) for line in whole.splitlines()]


def serving(server: Server, count: int) -> list[int]:
    """The ids of the processes that answer, once there are so many that live."""
    deadline = time.monotonic() + 120
    while True:
        server.client.get("/livez")
        found = {line["pid"] for line in log_lines(server) if line.get("http_route") == "/livez"}
        living = sorted(pid for pid in found if isinstance(pid, int) and alive(pid))
        if len(living) >= count:
            return living
        assert time.monotonic() < deadline, server.log


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as status:
            return status.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def rss_kib(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        (line,) = (line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1])


def counted(server: Server, name: str, /, **labels: object) -> float:
    """The sum of a metric over all its series with these labels."""
    total = 0.0
    for line in server.client.get("/metrics").text.splitlines():
        if re.match(rf"{name}(\{{|\s)", line) and all(f'{key}="{value}"' in line for key, value in labels.items()):
            total += float(line.rsplit(" ", 1)[1])
    return total


@pytest.fixture(scope="module")
def pair() -> Iterator[Server]:
    with running_service(processes=2, workers=1, max_queue=4, log_format="json") as server:
        yield server


def test_a_killed_process_costs_what_it_had_in_hand_and_is_replaced(pair: Server) -> None:
    victim, other = serving(pair, 2)
    with Load(pair.client, GOOD, clients=6) as load:
        load.wait_for(30)
        os.kill(victim, signal.SIGKILL)
        load.wait_for(load.outcomes.total() + 30)
    lost = sum(count for outcome, count in load.outcomes.items() if not outcome.isdigit())
    assert set(load.outcomes) <= {"200", "503", "ReadError", "RemoteProtocolError"}
    assert lost <= 6  # at most what each client had in flight
    assert len(load.answers) == 1

    now = serving(pair, 2)
    assert other in now
    assert victim not in now
    assert counted(pair, "audiocnn_worker_restarts_total") == 1
    assert f"process {victim} ended with -9" in pair.log

    # Every answer that a client had is counted, also those of the process that was killed, and once only.
    for code in ("200", "503"):
        answered = counted(pair, "http_server_request_duration_seconds_count", route="/classify", code=code)
        assert load.outcomes[code] <= answered <= load.outcomes[code] + lost
    ok = counted(pair, "http_server_request_duration_seconds_count", code="200")
    assert counted(pair, "audiocnn_requests_total", code="200") - ok in (0, 1)  # the reading of the first itself
    decoded = counted(pair, "audiocnn_decode_seconds_count")
    assert load.outcomes["200"] <= decoded <= load.outcomes["200"] + lost
    assert counted(pair, "audiocnn_rejected_total", reason="overloaded") >= load.outcomes["503"]
    assert counted(pair, "audiocnn_queue_depth") == 0
    assert counted(pair, "http_server_active_requests") == 1  # this one
    assert counted(pair, "audiocnn_model_info", name="genre") == 1


def test_a_process_is_small(pair: Server) -> None:
    for pid in serving(pair, 2):
        pair.classify(SONG)
        assert rss_kib(pid) < MAX_RSS_KIB


def test_logs_are_json_with_ids_and_nothing_of_the_file(pair: Server) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"X-Request-ID": "log-me", "traceparent": trace}
    pair.client.post("/classify", files={"file": ("my-secret.wav", GOOD)}, headers=headers)
    pair.wait_for_log("log-me")
    (line,) = (line for line in log_lines(pair) if line.get("request_id") == "log-me")
    assert line["traceparent"] == trace
    assert (line["http_method"], line["http_route"], line["http_status"]) == ("POST", "/classify", 200)
    assert line["level"] == "INFO"
    assert "my-secret" not in pair.log


def test_sigterm_drains_every_process_and_loses_nothing() -> None:
    with running_service(processes=2, workers=1, max_queue=16, drain_s=5, log_format="json") as server:
        pids = serving(server, 2)
        with Load(server.client, SONG, clients=4) as load:
            load.wait_for(8)
            server.process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 60
            while server.client.get("/readyz").status_code != 503:
                assert time.monotonic() < deadline
            alive_still = server.client.get("/livez")
            assert alive_still.status_code == 200
            assert alive_still.headers["connection"] == "close"  # or a client would ask on it as it is closed
            load.stop()  # as a balancer does that has seen it
        assert set(load.outcomes) == {"200"}
        assert server.process.wait(60) == 0
        assert not any(alive(pid) for pid in pids)


def test_ctrl_c_stops_all_at_once_and_quietly() -> None:
    with running_service(processes=2, drain_s=60) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(40) == 0
        assert server.log == ""


def test_processes_end_with_their_supervisor() -> None:
    with running_service(processes=2, log_format="json") as server:
        pids = serving(server, 2)
        server.process.kill()
        server.process.wait(60)
        deadline = time.monotonic() + 60
        while any(alive(pid) for pid in pids):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_an_address_in_use_is_said_plainly(pair: Server) -> None:
    command = [sys.executable, "-m", "service", "--port", str(pair.port)]
    environment = {**os.environ, "AUDIOCNN_PROCESSES": "2"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr
