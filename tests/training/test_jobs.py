"""Jobs in processes of their own that end together. The processes are real, and so are the signals."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from training.jobs import JobLost, run_jobs

ROOT = Path(__file__).parents[2]


def work(folder: Path, name: int, seconds: float) -> int:
    """As trainings do: note that it began, and on SIGTERM end well, though not at once."""
    stopped: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    (folder / f"began-{name}").touch()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.02)
        if stopped:
            time.sleep(0.3)
            (folder / f"saved-{name}").touch()
            break
    signal.signal(signal.SIGTERM, before)
    return name


def rest(folder: Path) -> None:
    """As what comes after a training: nothing is saved."""
    (folder / "rests").touch()
    time.sleep(120)


def fail(folder: Path) -> int:
    while not {"began-1", "rests"} <= set(names(folder)):
        time.sleep(0.02)
    raise ValueError("nothing to learn")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_results_come_in_the_order_of_the_calls(tmp_path: Path) -> None:
    calls = [partial(work, tmp_path, name, seconds) for name, seconds in enumerate((0.5, 0.0, 0.0))]
    assert run_jobs(calls, 2) == [0, 1, 2]
    assert run_jobs([], 2) == []


def test_a_job_that_fails_stops_the_others_and_lets_none_begin(tmp_path: Path) -> None:
    calls = [partial(fail, tmp_path), partial(rest, tmp_path), *(partial(work, tmp_path, i, 120.0) for i in (1, 2, 3))]
    with pytest.raises(ValueError, match="nothing to learn"):
        run_jobs(calls, 3)
    assert names(tmp_path) == ["began-1", "rests", "saved-1"]


def killed(folder: Path) -> int:
    while "began-2" not in names(folder):
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def killed_without_fold_1(*arguments: object) -> None:
    """In the place of a training and test, whose arguments it takes."""
    if arguments[5] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(120)


def test_a_job_that_is_killed_is_told_and_stops_the_others(tmp_path: Path) -> None:
    calls = [
        partial(work, tmp_path, 0, 0.0),
        partial(killed, tmp_path),
        *(partial(work, tmp_path, i, 120.0) for i in (2, 3)),
    ]
    with pytest.raises(JobLost, match=r"^was killed by SIGKILL$") as caught:
        run_jobs(calls, 2)
    assert caught.value.index == 1
    assert names(tmp_path) == ["began-0", "began-2", "saved-2"]


def test_a_job_that_is_killed_as_the_last_one(tmp_path: Path) -> None:
    """Nobody waits for processes that have nothing left to do."""
    calls = [partial(work, tmp_path, 2, 0.0), partial(killed, tmp_path)]
    with pytest.raises(JobLost) as caught:
        run_jobs(calls, 2)
    assert caught.value.index == 1


def test_a_job_that_ends_its_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(JobLost, match=r"^ended with exit code 3$"):
        run_jobs([partial(os._exit, 3)], 1)


def test_where_a_job_failed_is_in_the_traceback(tmp_path: Path) -> None:
    (tmp_path / "began-1").touch()
    (tmp_path / "rests").touch()
    with pytest.raises(ValueError, match="nothing to learn") as caught:
        run_jobs([partial(fail, tmp_path)], 1)
    assert "in fail" in caught.value.__notes__[0]


MANY = """
import sys
from functools import partial
from pathlib import Path
from tests.training.test_jobs import work
from training.jobs import run_jobs
from training.stopping import Stopped

if __name__ == "__main__":
    try:
        run_jobs([partial(work, Path(sys.argv[1]), name, 0.0 if name == 0 else 120.0) for name in range(5)], 2)
    except Stopped as stopped:
        print(stopped, flush=True)
        sys.exit(stopped.exit_code)
"""


@pytest.mark.parametrize(("signum", "everyone"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_a_signal_stops_those_at_work_and_lets_none_begin(tmp_path: Path, signum: int, everyone: bool) -> None:
    """A terminal's Ctrl-C goes to all processes, what ends a container to the first."""
    script, folder = tmp_path / "many.py", tmp_path / "work"
    script.write_text(MANY)
    folder.mkdir()
    started = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not {"began-1", "began-2"} <= set(names(folder)):
        assert started.poll() is None, started.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (os.killpg if everyone else os.kill)(started.pid, signum)
    output, errors = started.communicate(timeout=120)
    assert output == (
        f"stopped by {signal.Signals(signum).name} with 1 of 5 trainings done; the same command goes on from there\n"
    )
    assert (started.returncode, errors) == (128 + signum, "")
    assert names(folder) == ["began-0", "began-1", "began-2", "saved-1", "saved-2"]
