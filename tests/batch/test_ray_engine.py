"""`--engine ray`: the same rows and the same journal, killed workers, files that kill, and two nodes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from audiocnn.batch.journal import Journal
from audiocnn.batch.journaled import JournaledBatch
from audiocnn.batch.observed import Observed, observe
from audiocnn.batch.one_file import FileClassifier, loaded
from audiocnn.batch.ray_engine import Notebook
from audiocnn.batch.result import FileError, FileResult
from audiocnn.cli.main import cli
from tests.batch.test_kills import recordings
from tests.ray_processes import descendants, ray_nodes, short_folder

ROOT = Path(__file__).parents[2]


def test_the_notebook_counts_workers_that_died_with_a_file_in_hand():
    notebook = Notebook()
    assert notebook.take("one", b"a") == 0
    assert notebook.take("one", b"b") == 0  # so a is done
    assert notebook.take("two", b"a") == 0
    assert notebook.take("three", b"b") == 1  # one has it in hand still, so it is dead
    assert notebook.take("four", b"b") == 2
    assert notebook.take("four", b"c") == 0
    notebook.rest("four")
    assert notebook.take("five", b"c") == 0
    assert notebook.take("five", b"c") == 0


class Elsewhere:
    """A cluster that works at once, in this process, from the last file to the first."""

    def __init__(self, classify: FileClassifier, wave: int) -> None:
        self.wave = wave
        self.asked: list[list[str]] = []
        self._classify = classify

    def observed(self, paths: Sequence[str]) -> Iterator[Observed]:
        self.asked.append(list(paths))
        for path in reversed(paths):
            yield observe(path, self._classify, self._classify.records)


def test_a_cluster_is_asked_in_waves_for_what_the_journal_lacks(tmp_path, tiny_model):
    expected = recordings(tmp_path / "music", 9, 2, ())
    paths = sorted(expected)
    unreadable = FileResult("folder", FileError("unreadable_file", "no"))
    with loaded(tiny_model, 1) as classify, Journal(tmp_path / "journal") as journal:

        def run(wave: int, found: list[str | FileResult]) -> tuple[Elsewhere, list[Any]]:
            elsewhere = Elsewhere(classify, wave)
            return elsewhere, list(JournaledBatch(found, classify, journal).run_on(elsewhere))

        first, done = run(2, [*paths[:5], unreadable])
        assert first.asked == [paths[:2], paths[2:4], paths[4:5]]
        assert {file.path: file.ok for file in done} == {path: expected[path] for path in paths[:5]} | {"folder": False}
        second, done = run(100, paths)
        assert second.asked == [paths[5:]]
        assert [file.fresh for file in done] == [False] * 5 + [True] * 4
        assert {file.path: file.ok for file in done} == expected


def test_an_address_without_the_engine_is_wrong_usage(tmp_path):
    outcome = CliRunner().invoke(cli, ["classify", str(tmp_path), "--ray-address", "127.0.0.1:6379"])
    assert outcome.exit_code == 2
    assert "--engine ray" in outcome.output


def start(folder: Path, model: Path, out: Path, *options: str, module: str = "audiocnn") -> subprocess.Popen:
    command = [sys.executable, "-m", module, "classify", "-r", "-q", folder, "-o", out, "--model", model, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*map(str, command), "--engine", "ray"], env=environment, stderr=subprocess.PIPE, cwd=folder.parent, text=True
    )


def finish(process: subprocess.Popen) -> None:
    """Wait for a run with files that fail. Ray itself has a few words on standard error, whatever it is told."""
    _, said = process.communicate(timeout=400)
    assert process.returncode == 1, said
    assert "Traceback" not in said


def rows(out: Path) -> dict[str, Any]:
    """The rows by path, without what differs from run to run."""
    found = [json.loads(line) for line in out.read_text().splitlines()]
    for row in found:
        del row["request_id"]
        row.pop("timing_ms", None)
    assert len({row["path"] for row in found}) == len(found)
    return {row["path"]: row for row in found}


def local_rows(folder: Path, model: Path, out: Path) -> dict[str, Any]:
    CliRunner().invoke(cli, ["classify", "-r", "-q", str(folder), "-o", str(out), "--model", str(model)])
    return rows(out)


def workers(pid: int) -> set[int]:
    return {child for child, title in descendants(pid).items() if "ShardWorker" in title}


def wait_for_workers(pid: int, count: int) -> set[int]:
    deadline = time.monotonic() + 300
    while len(found := workers(pid)) < count:
        assert time.monotonic() < deadline, descendants(pid)
        time.sleep(0.05)
    return found


@pytest.mark.slow
@pytest.mark.ray
def test_rows_are_those_of_the_other_engine_and_killed_workers_cost_none(tmp_path, tiny_model):
    folder, out = tmp_path / "music", tmp_path / "ray.jsonl"
    expected = recordings(folder, 120, 12, ())
    process = start(folder, tiny_model, out, "--workers", "2")
    for _ in range(2):
        os.kill(min(wait_for_workers(process.pid, 2)), signal.SIGKILL)
        time.sleep(0.5)
    finish(process)
    found = rows(out)
    assert {path: row["status"] == "ok" for path, row in found.items()} == expected
    assert found == local_rows(folder, tiny_model, tmp_path / "local.jsonl")

    # The journal is the same too: a run of the other engine finds all of it done.
    out.rename(tmp_path / "before.jsonl")
    assert local_rows(folder, tiny_model, out) == found
    assert (tmp_path / "before.jsonl").read_text() == out.read_text()


@pytest.mark.slow
@pytest.mark.ray
def test_a_file_that_kills_its_worker_is_left_out_and_the_others_are_not(tmp_path, tiny_model):
    folder, out = tmp_path / "music", tmp_path / "out.jsonl"
    expected = recordings(folder, 40, 4, (b"fLaCKILL".ljust(64, b"\0"),))
    process = start(folder, tiny_model, out, "--workers", "1", module="tests.batch.deadly")
    finish(process)
    found = rows(out)
    assert {path: row["status"] == "ok" for path, row in found.items()} == expected
    assert [row["error"]["code"] for row in found.values() if row["status"] == "error"].count("worker_died") == 1


@pytest.mark.slow
@pytest.mark.ray
def test_two_nodes_share_the_work_and_one_may_die(tmp_path, tiny_model):
    folder, out = tmp_path / "music", tmp_path / "out.jsonl"
    expected = recordings(folder, 150, 10, ())
    with ray_nodes(2, cpus=1) as (address, (head, other)):
        process = start(folder, tiny_model, out, "--workers", "4", "--ray-address", address)
        wait_for_workers(other, 1)
        assert wait_for_workers(head, 1)
        time.sleep(1)
        for pid in [other, *descendants(other)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        finish(process)
    assert {path: row["status"] == "ok" for path, row in rows(out).items()} == expected


@pytest.mark.slow
@pytest.mark.ray
def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path, tiny_model, monkeypatch):
    with short_folder() as temporary:  # of the cluster, which kill -9 leaves behind
        monkeypatch.setenv("TMPDIR", str(temporary))
        _kill_and_go_on(tmp_path, tiny_model)


def _kill_and_go_on(tmp_path: Path, tiny_model: Path) -> None:
    folder, out = tmp_path / "music", tmp_path / "out.jsonl"
    expected = recordings(folder, 120, 12, ())
    process = start(folder, tiny_model, out, "--workers", "2")
    journal = tmp_path / "out.jsonl.journal-wal"
    deadline = time.monotonic() + 200
    while not journal.exists() or journal.stat().st_size < 30_000:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert not out.exists()
    process = start(folder, tiny_model, out, "--workers", "2")
    finish(process)
    assert {path: row["status"] == "ok" for path, row in rows(out).items()} == expected


@pytest.mark.slow
@pytest.mark.ray
def test_a_machine_with_another_model_ends_the_run_and_says_so(tmp_path, tiny_model):
    folder = tmp_path / "music"
    recordings(folder, 20, 0, ())
    process = start(folder, tiny_model, tmp_path / "out.jsonl", "--workers", "1", module="tests.batch.estranged")
    _, said = process.communicate(timeout=400)
    assert process.returncode == 2, said
    assert "has another model at" in said.splitlines()[-1]
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.ray
def test_ctrl_c_ends_in_good_order(tmp_path, tiny_model):
    folder, out = tmp_path / "music", tmp_path / "out.jsonl"
    recordings(folder, 120, 0, ())
    process = start(folder, tiny_model, out, "--workers", "1")
    below = wait_for_workers(process.pid, 1) | set(descendants(process.pid))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on from there" in said
    assert not out.exists()
    deadline = time.monotonic() + 30
    while left := [pid for pid in below if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
