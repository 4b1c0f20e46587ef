"""Batches cut ahead: the same in the same order, and nothing hidden."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.conftest import ALONE
from tests.training.test_train import rows
from training.config import Config
from training.data.batches import Batches
from training.distributed import Process
from training.loop import train
from training.prefetch import Prefetcher
from training.setup import prepare


@pytest.fixture
def batches(data: Path, tmp_path: Path, with_train: Callable[..., Config]) -> Batches:
    return prepare(with_train(batch_size=5), data, tmp_path, ALONE, None).batches


@pytest.mark.parametrize("process", [ALONE, Process(1, 2, ALONE.device)])
def test_batches_come_in_order_and_bit_for_bit_as_without(batches: Batches, process: Process) -> None:
    threads: set[int] = set()
    with Prefetcher(batches, process, 3, 14) as prefetcher:  # into the second epoch
        taken = [prefetcher.take()[0] for _ in range(3, 14)]
        threads = {thread.ident for thread in threading.enumerate() if thread.name.startswith("batches")}  # type: ignore[misc]
        with pytest.raises(IndexError):
            prefetcher.take()
    for step, (windows, targets) in enumerate(taken, 3):
        expected_windows, expected_targets = batches.batch(step, process.rank, process.world_size)
        assert torch.equal(windows, expected_windows)
        assert torch.equal(targets, expected_targets)
    assert len(threads) == 1
    assert not threads & {thread.ident for thread in threading.enumerate()}


def test_the_next_batch_is_cut_while_a_step_runs(batches: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Batches.batch

    cut = threading.Semaphore(0)

    def slow(self: Batches, step: int, *of: int) -> object:
        time.sleep(1)
        batch = real(self, step, *of)
        cut.release()
        return batch

    monkeypatch.setattr(Batches, "batch", slow)
    with Prefetcher(batches, ALONE, 0, 3) as prefetcher:
        _, waited = prefetcher.take()
        assert waited > 0.5
        for _ in range(3):  # while the step runs
            assert cut.acquire(timeout=60)
        assert prefetcher.take()[1] < 0.5
        assert prefetcher.take()[1] < 0.5


def test_the_share_of_the_time_spent_waiting_is_reported(
    data: Path, tmp_path: Path, with_train: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, real = with_train(epochs=2, batch_size=24), Batches.batch

    def slow(self: Batches, step: int, *of: int) -> object:
        time.sleep(1.0 if step >= 2 else 0.0)  # in the second epoch
        return real(self, step, *of)

    monkeypatch.setattr(Batches, "batch", slow)
    train(config, data, tmp_path / "run", tmp_path, ALONE, None)
    first, second = rows(tmp_path / "run")
    assert 0 <= first["data_wait"] < second["data_wait"] <= 1
    assert second["data_wait"] > 0.5
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert events.read_bytes().count(b"data_wait") == 2


def test_an_error_in_cutting_is_raised_where_the_batch_is_taken(
    batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Batches.batch

    def broken(self: Batches, step: int, *of: int) -> object:
        if step == 1:
            raise OSError("the disk is gone")
        return real(self, step, *of)

    monkeypatch.setattr(Batches, "batch", broken)
    with Prefetcher(batches, ALONE, 0, 4) as prefetcher:
        prefetcher.take()
        with pytest.raises(OSError, match="the disk is gone"):
            prefetcher.take()
