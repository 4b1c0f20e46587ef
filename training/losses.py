"""The losses and gradients of a run's steps, and what is left behind when one of them is no number."""

import json
import math
from collections.abc import Iterable
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
    """Losses and gradient norms of steps that were not looked at yet: looking makes the processor wait for the device.

    Whoever saves or validates weights looks first: a step whose loss or gradient was no number has spoilt them.
    """

    def __init__(self, run: Path, setup: Setup, process: Process) -> None:
        self._run = run
        self._setup = setup
        self._process = process
        self._unread: list[tuple[int, float, Tensor, Tensor]] = []

    def __len__(self) -> int:
        return len(self._unread)

    def add(self, step: int, rate: float, loss: Tensor, gradient_norm: Tensor) -> None:
        self._unread.append((step, rate, loss, gradient_norm))

    def read(self, total: float, weights: Iterable[Tensor]) -> float:
        """`total` and the losses of the unread steps, each the mean over all processes; all of them must call this.

        weights: what these steps have made.
        Raises `AudioCnnError` for a loss or the norm of a gradient that is no finite number, after the names of the
        batch's clips were written into the run directory, and for weights that are none.
        """
        unsound = torch.stack([~weight.isfinite().all() for weight in weights]).any()
        values = torch.stack([*(value for _, _, *pair in self._unread for value in pair), unsound])
        *means, spoilt = self._process.mean(values.double().cpu()).tolist()
        for (step, rate, *_), loss, gradient_norm in zip(self._unread, means[::2], means[1::2], strict=True):
            if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
                self._refuse(step, rate, loss, gradient_norm)
            total += loss
        if spoilt:
            self._process.wait_for_others()
            raise AudioCnnError(
                f"weights or statistics of norms have grown beyond what a float32 holds by step {self._unread[-1][0]}; "
                "lower train.lr"
            )
        self._unread.clear()
        return total

    def _refuse(self, step: int, rate: float, loss: float, gradient_norm: float) -> None:
        names = [self._setup.name(clip) for clip in self._setup.batches.clips(step)]
        values = {"loss": str(loss), "gradient_norm": str(gradient_norm)}
        report = {"step": step, **values, "learning_rate": rate, "clips": names}
        if self._process.is_first:
            write_atomically(self._run / NOT_FINITE, (json.dumps(report, indent=1) + "\n").encode())
        self._process.wait_for_others()  # a launcher kills the rest when the first one ends
        what = f"the norm of the gradient became {gradient_norm}" if math.isfinite(loss) else f"the loss became {loss}"
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        raise AudioCnnError(
            f"{what} at step {step}, in a batch of {', '.join(names[:_MOST_NAMES])}{more} "
            f"({self._run / NOT_FINITE} names all); look at these clips, or lower train.lr or train.clip_grad"
        )
