"""Runs stopped by real signals at random steps, in processes of their own, end like one that never stopped."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from audiocnn.checkpoint import WEIGHTS
from tests.training.test_train import ROOT, TOML, rows
from training.state import STATE

STEPS_PER_EPOCH = 6
STEPS = 16 * STEPS_PER_EPOCH


def start(folder: Path, data: Path, *settings: str) -> subprocess.Popen[str]:
    (folder / "run.toml").write_text(
        TOML.replace("epochs = 1", 'epochs = 16\nmixup = 0.2\naccumulate = 2\nbalance = "sampling"')
    )
    arguments = ["train", "run.toml", "--data", str(data), "--device", "cpu", "--threads", "1", "--run", "run"]
    arguments += [argument for setting in settings for argument in ("--set", setting)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.training.unhurried", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def steps_done(run: Path, steps_per_epoch: int = STEPS_PER_EPOCH) -> int:
    """How many steps the saved state has seen."""
    if not (run / STATE).is_file():
        return 0
    content = (run / STATE).read_bytes()  # at once: the training replaces the file, and `safe_open` looks at it twice
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    progress = json.loads(header["__metadata__"]["progress"])
    return int(progress["epoch"] * steps_per_epoch + progress["step"])


def interrupt(started: subprocess.Popen[str], run: Path, signum: int) -> str:
    """Send `signum` some steps after the next saved state; returns the last line on standard error."""
    before, deadline = steps_done(run), time.monotonic() + 300
    while steps_done(run) == before:
        assert started.poll() is None, started.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.2))
    started.send_signal(signum)
    _, errors = started.communicate(timeout=300)
    return errors.strip().splitlines()[-1] if errors.strip() else ""


def without_time(run: Path) -> list[dict[str, object]]:
    times = ("seconds", "data_wait")
    return [{name: value for name, value in row.items() if name not in times} for row in rows(run)]


def test_runs_stopped_at_random_steps_end_like_one_that_never_stopped(data: Path, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    never = start(whole, data)

    for signum, exit_code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        part = start(stopped, data, "train.save_every_s=1000")  # so that only the signal saves within an epoch
        line = interrupt(part, stopped / "run", signum)
        assert part.returncode == exit_code, line
        step = steps_done(stopped / "run")
        expected = f"stopped by {signum.name} after step {step} of {STEPS}; the same command goes on from there"
        assert line == expected

    part = start(stopped, data, "train.save_every_s=0")
    interrupt(part, stopped / "run", signal.SIGKILL)
    assert part.returncode == -signal.SIGKILL
    assert steps_done(stopped / "run") < STEPS

    for ended in (never, start(stopped, data)):
        _, errors = ended.communicate(timeout=300)
        assert ended.returncode == 0, errors
    assert without_time(stopped / "run") == without_time(whole / "run")
    for file in (STATE, f"model/{WEIGHTS}"):  # the state holds network, averaged weights and optimiser
        expected_tensors, tensors = load_file(whole / "run" / file), load_file(stopped / "run" / file)
        assert tensors.keys() == expected_tensors.keys()
        for name, value in expected_tensors.items():
            assert torch.equal(value, tensors[name]), name


def test_lines_of_an_epoch_whose_state_was_not_saved_are_written_once(data: Path, tmp_path: Path) -> None:
    part = start(tmp_path, data)
    interrupt(part, tmp_path / "run", signal.SIGTERM)
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 99, "train_lo')  # cut off by a crash
    _, errors = start(tmp_path, data).communicate(timeout=300)
    assert [row["epoch"] for row in rows(tmp_path / "run")] == list(range(1, 17)), errors
