"""The losses of a run's steps, and what is left behind when one of them is no number."""

import json
import math
from pathlib import Path

import torch
from torch import Tensor

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import AudioCnnError
from training.distributed import Process
from training.setup import Setup

NOT_FINITE = "not-finite.json"
_MOST_NAMES = 8


class Losses:
    """Losses of steps that were not looked at yet: looking makes the processor wait for the device."""

    def __init__(self, run: Path, setup: Setup, process: Process) -> None:
        self._run = run
        self._setup = setup
        self._process = process
        self._unread: list[tuple[int, float, Tensor]] = []

    def __len__(self) -> int:
        return len(self._unread)

    def add(self, step: int, rate: float, loss: Tensor) -> None:
        self._unread.append((step, rate, loss))

    def read(self, total: float) -> float:
        """`total` and the losses of the unread steps, each the mean over all processes; all of them must call this.

        Raises `AudioCnnError` for a loss that is no finite number, after the names of the batch's clips were written
        into the run directory.
        """
        means = self._process.mean(torch.stack([loss for _, _, loss in self._unread]).double().cpu())
        for (step, rate, _), loss in zip(self._unread, means.tolist(), strict=True):
            if not math.isfinite(loss):
                self._refuse(step, rate, loss)
            total += loss
        self._unread.clear()
        return total

    def _refuse(self, step: int, rate: float, loss: float) -> None:
        names = [self._setup.name(clip) for clip in self._setup.batches.clips(step)]
        report = {"step": step, "loss": str(loss), "learning_rate": rate, "clips": names}
        if self._process.is_first:
            write_atomically(self._run / NOT_FINITE, (json.dumps(report, indent=1) + "\n").encode())
        self._process.wait_for_others()  # a launcher kills the rest when the first one ends
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        raise AudioCnnError(
            f"the loss became {loss} at step {step}, in a batch of {', '.join(names[:_MOST_NAMES])}{more} "
            f"({self._run / NOT_FINITE} names all); look at these clips, or lower train.lr or train.clip_grad"
        )
