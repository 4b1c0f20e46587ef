"""The service before real replicas of Ray Serve: its contract, killed replicas, a shared cluster, nothing left."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from audiocnn import Classifier
from tests.audio_files import noise, tone, wav_bytes
from tests.ray_processes import descendants, listening, ray_nodes, replicas, short_folder
from tests.service.load import Load
from tests.service.server import Server, assert_problem, running_service
from tests.service.test_processes import alive, counted

pytestmark = [pytest.mark.slow, pytest.mark.ray]

GOOD = wav_bytes(tone(seconds=0.2))
SONG = wav_bytes(noise(10.0))
TOKEN = "correct horse"


@pytest.fixture(scope="module")
def pair() -> Iterator[Server]:
    with running_service(engine="ray", ray_replicas=2, workers=1, max_queue=4, admin_token=TOKEN) as server:
        yield server


def wait_for_replicas(server: Server, count: int) -> None:
    """Until so many answer, as the service's log says."""
    deadline = time.monotonic() + 120
    while server.log.rsplit("replicas that answer: ", 1)[-1].split()[0] != str(count):
        assert time.monotonic() < deadline, server.log
        time.sleep(0.1)


def test_answers_and_errors_are_those_of_the_other_engine(pair: Server, classifier: Classifier) -> None:
    assert len(replicas(pair.process.pid)) == 2
    response = pair.classify(SONG, segments=True, hop_s=1.0)
    expected = classifier.classify(SONG, hop_s=1.0).to_json(top_k=5, segments=True)
    assert response.status_code == 200, response.text
    for part in ("model", "audio", "predictions", "labels", "segments", "warnings"):
        assert response.json()[part] == expected[part]
    assert_problem(pair.classify(b"junk"), 400, "undecodable_audio")
    assert_problem(pair.classify(SONG, model="nobody"), 404, "unknown_model")
    assert_problem(pair.classify(SONG, hop_s=100.0), 422)
    assert "queue" in response.json()["timing_ms"]

    reload = pair.client.post("/v1/models/genre/reload", headers={"X-Admin-Token": TOKEN})
    assert reload.status_code == 200, reload.text
    job = pair.client.post("/v1/jobs", content=SONG, headers={"Content-Type": "audio/wav"})
    assert job.status_code == 202, job.text
    deadline = time.monotonic() + 30
    while (state := pair.client.get(job.headers["location"]).json())["state"] != "done":
        assert time.monotonic() < deadline, state
        time.sleep(0.1)


def test_a_model_input_goes_to_a_replica(pair: Server, classifier: Classifier) -> None:
    shape = classifier.spec.input.shape
    data = [0.0] * (shape[0] * shape[1])
    name = classifier.spec.input.input_name
    tensor = {"name": name, "datatype": "FP32", "shape": [1, *shape], "data": data}
    response = pair.client.post("/v2/models/genre/infer", json={"inputs": [tensor]})
    assert response.status_code == 200, response.text
    assert response.json()["outputs"][0]["shape"][0] == 1


def test_a_killed_replica_costs_no_request_and_is_replaced(pair: Server) -> None:
    wait_for_replicas(pair, 2)
    before, restarts = replicas(pair.process.pid), counted(pair, "audiocnn_worker_restarts_total")
    with Load(pair.client, SONG, clients=5) as load:
        load.wait_for(20)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        load.wait_for(load.outcomes.total() + 20)
        wait_for_replicas(pair, 1)
        wait_for_replicas(pair, 2)
        load.wait_for(load.outcomes.total() + 20)
    assert set(load.outcomes) <= {"200", "503"}
    assert load.outcomes["200"] > 40
    assert len(load.answers) == 1
    for response in load.refused:
        assert_problem(response, 503)
    now = replicas(pair.process.pid)
    assert victim not in now
    assert len(now & before) == 1
    assert counted(pair, "audiocnn_worker_restarts_total") > restarts


def test_overload_ends_in_answers_or_503(pair: Server) -> None:
    wait_for_replicas(pair, 2)
    with Load(pair.client, SONG, clients=20, pause_s=0.05) as load:
        load.wait_for(80)
    assert set(load.outcomes) == {"200", "503"}
    assert_problem(load.refused[0], 503, "overloaded")
    assert pair.classify(GOOD).status_code == 200


def test_without_a_replica_every_request_is_503_until_there_is_one(pair: Server) -> None:
    wait_for_replicas(pair, 2)
    with Load(pair.client, SONG, clients=3, pause_s=0.05) as load:
        load.wait_for(10)
        for pid in replicas(pair.process.pid):
            os.kill(pid, signal.SIGKILL)
        wait_for_replicas(pair, 0)
        assert_problem(pair.client.get("/readyz"), 503, "not_ready")
        wait_for_replicas(pair, 2)
        load.wait_for(load.outcomes.total() + 10)
    assert set(load.outcomes) == {"200", "503"}
    assert pair.client.get("/readyz").status_code == 200


def test_what_listens_is_loopback_or_wants_the_token(pair: Server) -> None:
    """Ray Serve's own port for calls between replicas is on every interface, whatever it is told."""
    import grpc

    below = descendants(pair.process.pid)
    ports = listening(set(below))
    assert len(ports) >= 4, below  # the head's, the raylet's, the replicas'
    for pid, sockets in ports.items():
        for loopback, port in sockets:
            if loopback:
                continue
            assert pid in replicas(pair.process.pid), below[pid]
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary("/ray.serve.ASGIService/HandleRequest")(b"", timeout=10)
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_cluster_of_its_own(end: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    with short_folder() as folder:
        for name in ("HOME", "TMPDIR"):
            (folder / name).mkdir()
            monkeypatch.setenv(name, str(folder / name))
        with running_service(engine="ray", ray_replicas=1, workers=1) as server:
            below = descendants(server.process.pid)
            assert any(title.startswith("ray::ServeReplica") for title in below.values())
            assert server.classify(GOOD).status_code == 200
            server.process.send_signal(end)
            assert server.process.wait(30) == (0 if end == signal.SIGTERM else -signal.SIGKILL)
        deadline = time.monotonic() + 30
        if end == signal.SIGKILL:  # its agents try to report that to the dead head, for some minutes
            below = {pid: title for pid, title in below.items() if not title.endswith("Agent")}
        while left := [title for pid, title in below.items() if alive(pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
        assert list((folder / "HOME").iterdir()) == []
        if end == signal.SIGTERM:
            assert list((folder / "TMPDIR").iterdir()) == []


def test_services_of_one_cluster_share_its_replicas() -> None:
    settings: dict[str, Any] = {"engine": "ray", "ray_replicas": 2, "workers": 1}
    with ray_nodes(1, cpus=3) as (address, (node,)):
        settings["ray_address"] = address
        with running_service(**settings) as one:
            pids = replicas(node)
            assert len(pids) == 2
            with running_service(**settings, processes=2) as other:
                assert replicas(node) == pids
                one.process.kill()
                assert other.classify(GOOD).status_code == 200
        assert replicas(node) == pids
        with running_service(**settings | {"max_duration_s": 1.0}) as stricter:
            assert not replicas(node) & pids
            assert_problem(stricter.classify(SONG), 413, "audio_too_large")


def test_an_address_where_no_cluster_is_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    with (
        pytest.raises(AssertionError, match="no Ray cluster answers"),
        running_service(engine="ray", ray_address="127.0.0.1:1"),
    ):
        raise RuntimeError("it started")
