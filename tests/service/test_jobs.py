"""Jobs: kept on disk, worked on by any process, answered after a restart and after kill -9."""

import contextlib
import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from audiocnn import Classifier
from service.errors import StorageFullError
from service.jobs.record import Job
from service.jobs.store import MAX_ATTEMPTS, JobStore
from service.schemas import JobBody
from tests.audio_files import encoded, music, noise, silence, wav_bytes
from tests.service.server import Server, assert_problem, running_service

SONG = wav_bytes(music(5))
LONG = encoded(noise(400.0), format="FLAC")  # with hop_s=0.25, 1,600 windows: seconds of work


@pytest.fixture(scope="module")
def jobs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs") / "new" / "folder"


@pytest.fixture(scope="module")
def keeper(jobs_dir: Path) -> Iterator[Server]:
    with running_service(jobs_dir=jobs_dir, max_upload_bytes=100_000, max_jobs=4, job_ttl_s=3600) as server:
        yield server


def submit(server: Server, data: bytes = SONG, key: str | None = None, **query: Any) -> httpx.Response:
    headers = {"Content-Type": "audio/wav"} | ({} if key is None else {"Idempotency-Key": key})
    return server.client.post("/v1/jobs", content=data, headers=headers, params=query)


def job_of(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 202, response.text
    body: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/v1/jobs/{body['id']}"
    return body


def state(server: Server, job_id: str) -> dict[str, Any]:
    response = server.client.get(f"/v1/jobs/{job_id}")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    JobBody.model_validate(body)
    return body


def until(wanted: Callable[[], Any], seconds: float = 300) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def finished(server: Server, job_id: str) -> dict[str, Any]:
    done: dict[str, Any] = until(lambda: (body := state(server, job_id))["state"] not in ("queued", "running") and body)
    return done


def heard(server: Server) -> float:
    """Seconds of sound that the service has answered for."""
    lines = server.client.get("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("audiocnn_audio_seconds_total")))


def uploads(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "uploads").iterdir())


def test_a_job_has_the_answer_of_classify(keeper: Server, jobs_dir: Path, classifier: Classifier) -> None:
    long = wav_bytes(music(8))
    assert_problem(keeper.classify(long), 413, "body_too_large")
    submitted = job_of(submit(keeper, long, segments=True, top_k=2, window_s=2))
    assert submitted["state"] == "queued"
    body = finished(keeper, submitted["id"])
    assert body["state"] == "done"
    expected = classifier.classify(long, window_s=2).to_json(segments=True, top_k=2)
    assert {k: body["result"][k] for k in ("model", "audio", "predictions", "segments", "labels", "warnings")} == {
        k: expected[k] for k in ("model", "audio", "predictions", "segments", "labels", "warnings")
    }
    assert body["created_at"] <= body["started_at"] <= body["finished_at"] < body["expires_at"]
    assert uploads(jobs_dir) == []
    form = keeper.client.post("/v1/jobs", files={"file": ("x.wav", SONG)})
    assert finished(keeper, job_of(form)["id"])["state"] == "done"


def test_a_bad_file_fails_with_its_problem(keeper: Server) -> None:
    body = finished(keeper, job_of(submit(keeper, b"this is text"))["id"])
    assert body["state"] == "failed"
    assert (body["problem"]["code"], body["problem"]["status"]) == ("undecodable_audio", 400)
    assert body["problem"]["instance"] == f"/v1/jobs/{body['id']}"
    assert "result" not in body


def test_bad_requests_make_no_job(keeper: Server, jobs_dir: Path) -> None:
    assert_problem(submit(keeper, b""), 400, "empty_audio")
    assert_problem(submit(keeper, model="nothing"), 404, "unknown_model")
    assert_problem(submit(keeper, hop_s=99), 422, "invalid_window")
    assert_problem(submit(keeper, topk=1), 422, "invalid_parameter")
    assert_problem(submit(keeper, key="x" * 300), 422, "invalid_parameter")
    response = keeper.client.post("/v1/jobs", files=[("file", ("a.wav", SONG)), ("file", ("b.wav", SONG))])
    assert_problem(response, 413, "too_many_files")
    cut = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert_problem(keeper.client.post("/v1/jobs", content=cut, headers=headers), 400, "malformed_body")
    for job_id in ("nothing", "..%2F..%2Fetc%2Fpasswd", "0" * 32):
        for method in ("GET", "DELETE"):
            assert_problem(keeper.client.request(method, f"/v1/jobs/{job_id}"), 404)
    assert uploads(jobs_dir) == []


def test_one_key_makes_one_job(keeper: Server) -> None:
    first = job_of(submit(keeper, key="order-1", top_k=1))
    assert job_of(submit(keeper, key="order-1", top_k=1))["id"] == first["id"]
    assert_problem(submit(keeper, key="order-1", top_k=2), 422, "idempotency_key_reused")
    assert_problem(submit(keeper, wav_bytes(music(1)), key="order-1", top_k=1), 422, "idempotency_key_reused")
    second = job_of(submit(keeper, key="order-2", top_k=1))
    assert second["id"] != first["id"]
    for job in (first, second):
        finished(keeper, job["id"])
    assert job_of(submit(keeper, key="order-1", top_k=1))["state"] == "done"


def test_a_job_at_work_tells_its_progress_and_can_be_cancelled(keeper: Server, jobs_dir: Path) -> None:
    before = heard(keeper)
    job_id = job_of(submit(keeper, LONG, hop_s=0.25))["id"]
    until(lambda: state(keeper, job_id)["progress"]["heard_s"] > 0)
    assert state(keeper, job_id)["state"] == "running"
    assert keeper.client.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert state(keeper, job_id)["state"] == "cancelled"
    assert uploads(jobs_dir) == []
    # Its thread is free soon, and a finished job is forgotten.
    other = job_of(submit(keeper))["id"]
    assert finished(keeper, other)["state"] == "done"
    assert heard(keeper) == before + 5
    for done in (job_id, other):
        assert keeper.client.delete(f"/v1/jobs/{done}").status_code == 204
        assert_problem(keeper.client.get(f"/v1/jobs/{done}"), 404, "job_not_found")


def test_only_so_many_jobs_wait(keeper: Server) -> None:
    kept = [job_of(submit(keeper, LONG, hop_s=0.25))["id"] for _ in range(4)]
    response = submit(keeper)
    assert_problem(response, 503, "overloaded")
    assert int(response.headers["retry-after"]) >= 1
    for job_id in kept:
        assert keeper.client.delete(f"/v1/jobs/{job_id}").status_code == 204
    assert finished(keeper, job_of(submit(keeper))["id"])["state"] == "done"


def kept(folder: Path) -> dict[str, tuple[str, int]]:
    """State and attempts of each job, as the disk has them."""
    with contextlib.closing(sqlite3.connect(folder / "jobs.sqlite3")) as database:
        return {row[0]: row[1:] for row in database.execute("SELECT id, state, attempts FROM jobs")}


def test_jobs_survive_a_stop_and_kill_9(tmp_path: Path) -> None:
    settings = {"jobs_dir": tmp_path, "job_lease_s": 3}
    with running_service(**settings) as server:
        at_work, waiting = job_of(submit(server, LONG, hop_s=0.25))["id"], job_of(submit(server))["id"]
        until(lambda: state(server, at_work)["state"] == "running")
    # A process that was told to stop has given its job back and not used up an attempt.
    assert kept(tmp_path) == {at_work: ("queued", 0), waiting: ("queued", 0)}
    with running_service(**settings) as server:
        until(lambda: state(server, at_work)["progress"]["heard_s"] > 0)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    assert kept(tmp_path)[at_work] == ("running", 1)
    with running_service(**settings) as server:
        assert finished(server, at_work)["state"] == "done"
        assert finished(server, waiting)["state"] == "done"
        assert state(server, at_work)["result"]["audio"]["duration_s"] == 400.0


def test_processes_share_jobs(tmp_path: Path) -> None:
    with running_service(jobs_dir=tmp_path) as one, running_service(jobs_dir=tmp_path) as two:
        ids = [job_of(submit(one if i % 2 else two, wav_bytes(noise(20, seed=i))))["id"] for i in range(6)]
        for job_id in ids:
            assert finished(one, job_id) == finished(two, job_id)
    database = sqlite3.connect(tmp_path / "jobs.sqlite3")
    rows = database.execute("SELECT worker, attempts FROM jobs").fetchall()
    database.close()
    assert [attempts for _, attempts in rows] == [1] * 6
    assert len({worker for worker, _ in rows}) == 2


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with running_service(jobs_dir=tmp_path) as server:
        finished(server, job_of(submit(server))["id"])
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (200_000, hard))
        response = submit(server, wav_bytes(noise(60)))
        assert_problem(response, 503, "storage_full")
        assert "retry-after" in response.headers
        assert uploads(tmp_path) == []
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert finished(server, job_of(submit(server))["id"])["state"] == "done"
        assert "Traceback" not in server.log


def test_room_for_all_jobs_together_is_bounded(tmp_path: Path) -> None:
    with running_service(jobs_dir=tmp_path, max_jobs_bytes=100_000, max_job_bytes=200_000) as server:
        assert_problem(submit(server), 503, "storage_full")
        assert_problem(submit(server, bytes(200_001)), 413, "body_too_large")  # there will never be room
        assert finished(server, job_of(submit(server, wav_bytes(music(1))))["id"])["state"] == "done"


def test_room_is_bounded_also_for_uploads_of_unknown_length(tmp_path: Path) -> None:
    with running_service(jobs_dir=tmp_path, max_jobs_bytes=100_000) as server:
        pieces = (bytes(50_000) for _ in range(3))
        response = server.client.post("/v1/jobs", content=pieces, headers={"content-type": "audio/wav"})
        assert_problem(response, 503, "storage_full")
        assert uploads(tmp_path) == []


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with running_service(jobs_dir=tmp_path / "file" / "jobs") as server:
        assert_problem(submit(server), 503, "jobs_unavailable")
        assert_problem(server.client.get("/v1/jobs/1"), 503, "jobs_unavailable")
        assert server.client.get("/readyz").status_code == 200
        assert server.classify(SONG).status_code == 200
        assert "jobs cannot be kept" in server.log
        assert "Traceback" not in server.log


def new_job(job_id: str, created: float = 1.0) -> Job:
    return Job(job_id, "queued", "genre", {}, "r", 1, "f", created)


def store(folder: Path, **changes: Any) -> JobStore:
    return JobStore(folder, **({"ttl_s": 60.0, "lease_s": 60.0, "max_waiting": 9, "max_bytes": 1000} | changes))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A clock that stands still, but for the seconds it is told."""
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


class TestStore:
    def test_uploads_that_are_still_coming_take_room(self, tmp_path: Path) -> None:
        one, two = store(tmp_path), store(tmp_path)
        one.check_room(600)
        one.upload_path("a").with_suffix(".part").write_bytes(bytes(600))
        two.check_room(400)
        with pytest.raises(StorageFullError):
            two.check_room(401)
        with pytest.raises(StorageFullError):
            one.check_bytes(401)

    def test_the_oldest_first_and_each_once(self, tmp_path: Path) -> None:
        one, two = store(tmp_path), store(tmp_path)
        assert one.claim("a", ["genre"]) is None
        assert not (tmp_path / "jobs.sqlite3").exists()
        for job_id, created in (("late", 2.0), ("early", 1.0)):
            one.add(new_job(job_id, created), None)
        assert one.claim("a", ["other"]) is None
        claimed = [one.claim("a", ["other", "genre"]), two.claim("b", ["genre"]), one.claim("a", ["genre"])]
        assert [job and job.id for job in claimed] == ["early", "late", None]

    def test_a_lease_that_runs_out_passes_the_job_on_but_not_for_ever(
        self, tmp_path: Path, clock: Callable[[float], None]
    ) -> None:
        short = store(tmp_path, lease_s=5)
        short.add(new_job("1"), None)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            job = short.claim(f"worker {attempt}", ["genre"])
            assert job is not None
            assert job.attempts == attempt
            clock(6)
        assert not short.renew("1", "worker 1", 5.0)
        short.finish("1", "worker 1", result={"late": True})
        assert short.get("1").state == "running"
        assert short.claim("another", ["genre"]) is None
        failed = short.get("1")
        assert failed.state == "failed"
        assert failed.problem is not None
        assert failed.problem["code"] == "internal_error"

    def test_a_sign_of_life_keeps_it(self, tmp_path: Path, clock: Callable[[float], None]) -> None:
        short = store(tmp_path, lease_s=5)
        short.add(new_job("1"), None)
        assert short.claim("a", ["genre"])
        for _ in range(4):
            clock(4)
            assert short.claim("b", ["genre"]) is None
            assert short.renew("1", "a", 2.5)
        assert short.get("1").heard_s == 2.5

    def test_what_has_expired_is_gone(self, tmp_path: Path, clock: Callable[[float], None]) -> None:
        brief = store(tmp_path, ttl_s=5)
        brief.add(new_job("1"), "key")
        brief.upload_path("1").write_bytes(b"x")
        assert brief.claim("a", ["genre"])
        brief.finish("1", "a", result={"x": 1})
        assert not brief.upload_path("1").exists()
        clock(6)
        with pytest.raises(Exception, match="may have expired"):
            brief.get("1")
        again = brief.add(new_job("2"), "key")  # its key is free, also before anybody has swept
        assert again.id == "2"
        brief.remove("2")
        orphan, fresh = brief.upload_path("orphan.part"), brief.upload_path("fresh.part")
        brief.add(new_job("waits"), None)
        waiting = brief.upload_path("waits")
        for path in (orphan, fresh, waiting):
            path.write_bytes(b"x")
        for path in (orphan, waiting):
            os.utime(path, (1, 1))
        brief.sweep()
        assert uploads(tmp_path) == ["fresh.part", "waits"]
        database = sqlite3.connect(tmp_path / "jobs.sqlite3")
        assert database.execute("SELECT id FROM jobs WHERE state = 'queued'").fetchall() == [("waits",)]
        assert database.execute("SELECT id FROM jobs WHERE id = '1'").fetchall() == []
        database.close()


def test_silence_is_a_result_too(keeper: Server) -> None:
    body = finished(keeper, job_of(submit(keeper, wav_bytes(silence(3))))["id"])
    assert (body["state"], body["result"]["predictions"]) == ("done", [])
