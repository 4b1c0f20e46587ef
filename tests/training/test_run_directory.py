"""One training at a time in a run directory, and a full disk under it."""

import operator
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from audiocnn.checkpoint import PARTIAL, WEIGHTS, load_network
from audiocnn.errors import CheckpointError, ConfigError
from tests.training.conftest import ALONE, ROOT
from training import loop
from training.config import Config
from training.history import History
from training.loop import MODEL, train
from training.run_directory import held
from training.state import STATE

HOLD = """
import sys
from pathlib import Path
import torch
from training.distributed import Process
from training.run_directory import held
with held(Path(sys.argv[1]), Process(0, 1, torch.device("cpu"))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_in_the_same_directory_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    """Also where the first one is killed and can release nothing."""
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ConfigError) as caught, held(tmp_path / "run", ALONE):
            pass
        assert str(caught.value) == (
            f"{tmp_path / 'run'} is at work in process {first.pid} on {os.uname().nodename}; "
            "wait for it, stop it, or choose another --run"
        )
        first.send_signal(signal.SIGKILL)
    with held(tmp_path / "run", ALONE):
        pass


def test_training_holds_its_directory(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []
    real = History.write

    def write(self: History, row: dict[str, object]) -> None:
        with pytest.raises(ConfigError, match="is at work in process"), held(tmp_path / "run", ALONE):
            pass
        refused.append(row["epoch"])
        real(self, row)

    monkeypatch.setattr(History, "write", write)
    train(with_train(epochs=1), data, tmp_path / "run", tmp_path, ALONE, None)
    assert refused == [1]


def test_files_that_a_crash_cut_off_are_removed(tmp_path: Path) -> None:
    (tmp_path / "run" / MODEL).mkdir(parents=True)
    for name in (f".{STATE}.x{PARTIAL}", f"{MODEL}/.{WEIGHTS}.y{PARTIAL}", STATE):
        (tmp_path / "run" / name).write_bytes(b"x")
    with held(tmp_path / "run", ALONE):
        assert sorted(path.name for path in (tmp_path / "run").rglob("*") if path.is_file()) == [".lock", STATE]


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[bool], None]]:
    """A file system of its own, filled to the last byte with `True` and given room again with `False`."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system here: {mounted.stderr.strip()}")

    def full(yes: bool) -> None:
        (folder / "ballast").unlink(missing_ok=True)
        if yes:
            with (folder / "ballast").open("wb", buffering=0) as file, suppress(OSError):
                for size in (65_536, 1):
                    with suppress(OSError):
                        while True:
                            file.write(b"x" * size)

    try:
        yield full
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def small_files(_: Path) -> Iterator[Callable[[bool], None]]:
    """Files that cannot grow beyond a size, which the kernel refuses much as a full disk; any user may ask for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda yes: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000 if yes else soft, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limited", [small_disk, small_files])
@pytest.mark.parametrize("saving", ["checkpoint.save", "state.save_state"])
def test_a_full_disk_ends_the_run_and_spares_what_was_saved(
    limited: Callable[[Path], AbstractContextManager[Callable[[bool], None]]],
    saving: str,
    with_train: Callable[..., Config],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, disk = with_train(epochs=2), tmp_path / "disk"
    whole = load_file(train(config, data, tmp_path / "whole", tmp_path, ALONE, None) / WEIGHTS)
    disk.mkdir()
    with limited(disk) as full:
        real, calls = operator.attrgetter(saving)(loop), []

        def save(*arguments: object) -> None:
            calls.append((disk / "run" / STATE).read_bytes() if calls else b"")
            full(len(calls) == 2)  # at the end of the second epoch
            real(*arguments)

        monkeypatch.setattr(f"training.loop.{saving}", save)
        with pytest.raises(CheckpointError) as caught:
            train(config, data, disk / "run", tmp_path, ALONE, None)
        assert str(caught.value) in [
            f"cannot write to {disk / 'run'}: {reason}; the model and the state saved last are whole: make room, and "
            "the same command goes on from there"
            for reason in ("No space left on device", "File too large")
        ]
        full(False)
        assert (disk / "run" / STATE).read_bytes() == calls[1]
        assert load_network(disk / "run" / MODEL)[0].training["epochs"] == (1 if saving == "checkpoint.save" else 2)
        assert not list(disk.rglob(f"*{PARTIAL}"))

        monkeypatch.undo()
        resumed = load_file(train(config, data, disk / "run", tmp_path, ALONE, None) / WEIGHTS)
    for name, value in whole.items():
        assert torch.equal(resumed[name], value), name
