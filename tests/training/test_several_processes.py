"""Training in two processes under `torchrun`: one model, every clip validated once, stopped, killed, and going on."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from audiocnn.checkpoint import WEIGHTS
from audiocnn.inference.classifier import Classifier
from tests.training.conftest import ROOT
from tests.training.test_stopping import steps_done, without_time
from tests.training.test_train import TOML, rows
from training.state import STATE

EPOCHS, STEPS_PER_EPOCH = 10, 4
RUN = "runs/notes"
LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
SETTINGS = {"epochs": EPOCHS, "mixup": 0.2, "accumulate": 2, "balance": '"sampling"', "save_every_s": 0}

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes in /proc")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def restarting() -> list[str]:
    """One address for all attempts, as between machines; with --standalone each of them gets a store of its own."""
    return ["--master-addr", "127.0.0.1", "--master-port", str(free_port()), "--max-restarts", "1"]


def start(folder: Path, data: Path) -> subprocess.Popen[str]:
    settings = "\n".join(f"{name} = {value}" for name, value in SETTINGS.items())
    toml = TOML.replace("epochs = 1", settings).replace("validation = 0.0", "validation = 0.3")
    folder.mkdir(exist_ok=True)
    (folder / "run.toml").write_text(toml)
    arguments = ["train", "run.toml", "--data", str(data), "--device", "cpu", "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [*LAUNCH, *restarting(), "-m", "tests.training.unhurried", *arguments]
    with (folder / "errors").open("a") as errors:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)


def ended(started: subprocess.Popen[str], folder: Path) -> tuple[str, str]:
    """What a launcher printed to standard output, and all of them to standard error, when it has ended."""
    output, _ = started.communicate(timeout=240)
    return output, (folder / "errors").read_text()


def wait_until(true: Callable[[], bool], started: subprocess.Popen[str], folder: Path) -> None:
    deadline = time.monotonic() + 240
    while not true():
        assert started.poll() is None, (folder / "errors").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def pid_of(rank: int, launcher: int) -> int:
    children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return next(int(pid) for pid in children if f"\0RANK={rank}\0" in Path(f"/proc/{pid}/environ").read_text())


def test_killed_and_stopped_it_ends_with_the_weights_of_never_stopping(data: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    never = start(whole, data)

    part = start(broken, data)
    wait_until(lambda: steps_done(broken / RUN, STEPS_PER_EPOCH) > 0, part, broken)
    os.kill(pid_of(1, part.pid), signal.SIGKILL)
    starts = broken / RUN / "starts.jsonl"
    wait_until(lambda: len(starts.read_text().splitlines()) == 2, part, broken)  # the launcher has started both again
    before = steps_done(broken / RUN, STEPS_PER_EPOCH)
    wait_until(lambda: steps_done(broken / RUN, STEPS_PER_EPOCH) > before, part, broken)
    part.send_signal(signal.SIGTERM)
    _, errors = ended(part, broken)
    step = steps_done(broken / RUN, STEPS_PER_EPOCH)
    assert step < EPOCHS * STEPS_PER_EPOCH
    assert f"stopped by SIGTERM after step {step} of {EPOCHS * STEPS_PER_EPOCH}; the same command goes on" in errors

    for folder, launched in ((whole, never), (broken, start(broken, data))):
        output, errors = ended(launched, folder)
        assert launched.returncode == 0, errors
        assert f"trained: {RUN}/model" in output
    assert without_time(broken / RUN) == without_time(whole / RUN)
    for file in (STATE, f"model/{WEIGHTS}"):
        expected, tensors = load_file(whole / RUN / file), load_file(broken / RUN / file)
        for name, value in expected.items():
            assert torch.equal(value, tensors[name]), name
    assert len(rows(whole / RUN)) == EPOCHS
    assert Classifier.load(whole / RUN / "model").classify(data / "low" / "3.wav").predictions


RESTART = """
import os, signal, sys, time
from training.distributed import join

attempt, rank = int(os.environ["TORCHELASTIC_RESTART_COUNT"]), int(os.environ["RANK"])
time.sleep(float(sys.argv[1]) * attempt * rank)
with join("cpu") as process:
    process.highest(rank)
    if (attempt, rank) == (0, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    os.write(1, f"{attempt} {process.gather(rank)}\\n".encode())  # in one piece: both write to the same pipe
"""


@pytest.mark.parametrize("delay_s", [0, 3])
def test_processes_started_again_do_not_look_for_those_that_are_gone(tmp_path: Path, delay_s: int) -> None:
    """Whether they come at once or one of them late: without a store of their own, one or the other went wrong."""
    (tmp_path / "restart.py").write_text(RESTART)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [*LAUNCH, *restarting(), str(tmp_path / "restart.py"), str(delay_s)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["1 [0, 1]"] * 2


STEP = """
import sys
from pathlib import Path
from safetensors.torch import save_file
from tests.training.test_step import small_network
from training.config import load_config
from training.distributed import join
from training.optim import make_optimizer
from training.setup import prepare
from training.step import Step

with join("cpu") as process:
    config = load_config(Path(sys.argv[1]))
    setup = prepare(config, Path(sys.argv[2]), Path(sys.argv[3]), process, None)
    network = small_network()
    step = Step(network, make_optimizer(network, config.train), setup, config, process)
    for index in range(3):
        batch = setup.batches.batch(index, process.rank, process.world_size)
        assert len(batch[0]) == 5 // process.world_size + (process.world_size > 1 and process.is_first)
        step.take(batch, index, config.train.lr)
    if process.is_first:
        save_file(network.state_dict(), sys.argv[4])
"""


def test_uneven_shares_of_a_batch_make_the_step_of_the_whole_batch(data: Path, tmp_path: Path) -> None:
    """Three windows here and two there: each window counts as much as any other."""
    plain = 'batch_size = 5\noptimizer = "sgd"\nlr = 0.2\nmomentum = 0.0\nclip_grad = 1e6\nmixup = 0.0\n'
    plain += "[augment]\ngain_db = 0.0\nnoise_db = []\npolarity = false"  # random, and otherwise in each process
    (tmp_path / "run.toml").write_text(TOML.replace("batch_size = 8", plain))
    (tmp_path / "step.py").write_text(STEP)
    arguments = [str(tmp_path / name) for name in ("step.py", "run.toml")] + [str(data), str(tmp_path / "cache")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    weights = []
    for launcher in ([sys.executable], [*LAUNCH, "--standalone"]):
        path = tmp_path / f"{len(weights)}.safetensors"
        command = [*launcher, *arguments, str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        weights.append(load_file(path))
    alone, together = weights
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-4, atol=1e-6, msg=name)


VALIDATE = """
import json, sys
from pathlib import Path
from training.config import load_config
from training.data.split import Split
from training.distributed import join
from training.setup import fresh_network, prepare
from training.validation import validate

with join("cpu") as process:
    config = load_config(Path(sys.argv[1]))
    setup = prepare(config, Path(sys.argv[2]), Path(sys.argv[3]), process, None)
    network = fresh_network(config, setup, process).eval()
    found = [validate(network, config, setup, setup.split.train[:number], process) for number in (1, 7, 24)]
    everyone = process.gather(found)
    if process.is_first:
        print(json.dumps([found, [other == found for other in everyone], process.highest(3, -1)]))
    else:
        process.highest(-5, 7)
"""


def test_validation_counts_every_clip_once(data: Path, tmp_path: Path) -> None:
    """Also with fewer clips than processes, and with a number of them that does not divide."""
    (tmp_path / "run.toml").write_text(TOML)
    (tmp_path / "validate.py").write_text(VALIDATE)
    arguments = [str(tmp_path / name) for name in ("validate.py", "run.toml")] + [str(data), str(tmp_path / "cache")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    answers = []
    for launcher in ([sys.executable], [*LAUNCH, "--standalone"]):
        done = subprocess.run([*launcher, *arguments], env=environment, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    (alone, _, own), (together, agree, highest) = answers
    assert [found["clips"] for found in together] == [1, 7, 24]
    for expected, found in zip(alone, together, strict=True):
        assert found["loss"] == pytest.approx(expected["loss"], abs=1e-6)
        assert found["confusion"] == expected["confusion"]
    assert agree == [True, True]
    assert (own, highest) == ([3, -1], [3, 7])


SPOILT = """
import sys
from pathlib import Path
from audiocnn.errors import AudioCnnError
from audiocnn.nn.heads import Heads
from training.config import load_config
from training.distributed import join
from training.loop import train

real, steps = Heads.loss, []
with join("cpu") as process:
    def loss(heads, logits, *rest):
        steps.append(len(steps))
        bad = process.rank == 1 and len(steps) == 12
        return real(heads, logits, *rest) + ((logits.sum() * 0).sqrt() if bad else 0)

    Heads.loss = loss
    folders = [Path(argument) for argument in sys.argv[1:]]
    try:
        train(load_config(folders[0]), *folders[1:], process, None)
    except AudioCnnError as error:
        everyone = process.gather(str(error))
        if process.is_first:
            print(*everyone, sep="\\n")
"""


def test_a_gradient_that_is_no_number_in_one_process_ends_all_of_them(data: Path, tmp_path: Path) -> None:
    """That of one process in the last step of the second epoch."""
    (tmp_path / "run.toml").write_text(TOML.replace("epochs = 1", "epochs = 3"))
    (tmp_path / "spoilt.py").write_text(SPOILT)
    arguments = [str(tmp_path / "run.toml"), str(data), str(tmp_path / "run"), str(tmp_path / "cache")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [*LAUNCH, "--standalone", str(tmp_path / "spoilt.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == second
    assert first.startswith("the norm of the gradient became nan at step 11, in a batch of ")
    for file in (STATE, f"model/{WEIGHTS}"):
        assert all(torch.isfinite(value).all() for value in load_file(tmp_path / "run" / file).values()), file
    assert steps_done(tmp_path / "run", 6) == 6
