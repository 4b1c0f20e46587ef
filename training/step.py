"""One step of the optimiser: augmentation, mixup, the network, its loss and gradients."""

from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from audiocnn.spec import MAIN
from training.compiler import compiled
from training.config import Config
from training.data.rare_labels import label_weights
from training.data.targets import targets_of
from training.distributed import Process
from training.optim import set_rate
from training.setup import Setup, memory_format


class Step:
    """Steps `network`, alone or together with the copies of it in other processes.

    With `train.compile` and in several processes the network is wrapped, and the wrapper shares its weights: whoever
    saves or averages them keeps to `network` and never sees it.

    gradient_norm: that of the last step's gradient before clipping, on the device, the same in all processes. Where it
    is no finite number, the step may have left weights that are none either.
    """

    gradient_norm: Tensor

    def __init__(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, setup: Setup, config: Config, process: Process
    ) -> None:
        stepped = compiled(network, process.device) if config.train.compile else network
        # Running statistics of norms are not for training; the first process's are copied before they are looked at.
        together = DistributedDataParallel(stepped, broadcast_buffers=False) if process.world_size > 1 else None
        self._together = together
        self._network = self._together or stepped
        self._network.train()
        self._optimizer = optimizer
        self._setup = setup
        self._config = config
        self._process = process
        self._weights: Tensor | None = None
        if config.train.balance == "loss":
            task = setup.tasks[MAIN]
            weights = label_weights(targets_of(setup.split.train, task), task.kind)
            self._weights = torch.from_numpy(weights).float().to(process.device)
        self._side_weights = {name: task.weight for name, task in config.side_tasks.items()}

    def take(self, batch: tuple[Tensor, Tensor], step: int, rate: float) -> Tensor:
        """Train on this process's part of batch `step` with learning rate `rate`.

        Returns the loss without waiting for the device. It counts as much more or less than those of other processes as
        this part is larger or smaller than theirs, so that their mean is the loss of the whole batch.
        """
        windows, targets = self._augmented(batch, step)
        mine = len(windows) * self._process.world_size / self._setup.batches.batch_size
        self._optimizer.zero_grad(set_to_none=True)
        # `chunk` may give fewer parts than asked for, never an empty one.
        parts = list(zip(*(tensor.chunk(self._config.train.accumulate) for tensor in (windows, targets)), strict=True))
        total = torch.zeros((), device=self._process.device)
        for index, (inputs, wanted) in enumerate(parts):
            more = index + 1 < len(parts)
            with self._together.no_sync() if self._together and more else nullcontext():
                loss = self._loss(inputs, wanted) * (mine * len(inputs) / len(windows))
                loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        self.gradient_norm = nn.utils.clip_grad_norm_(self._network.parameters(), self._config.train.clip_grad)
        set_rate(self._optimizer, rate)
        self._optimizer.step()
        return total

    def _augmented(self, batch: tuple[Tensor, Tensor], step: int) -> tuple[Tensor, Tensor]:
        """What the network takes, and the targets, on the device."""
        random = np.random.default_rng((self._config.seed, 2, step, self._process.rank))
        torch.manual_seed(int(random.integers(2**31)))  # for dropout and noise: the same after resuming
        medium = self._setup.medium
        windows, targets = (part.to(self._process.device, non_blocking=True) for part in batch)
        windows, targets = medium.mix(medium.augment(windows, random), targets, self._config.train, random)
        layout = memory_format(self._config.input.ndim)
        return medium.model_input(windows).contiguous(memory_format=layout), targets

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        train = self._config.train
        # No gradient scaler: bfloat16 has the exponents of float32, so small gradients do not vanish as in float16.
        with torch.autocast(self._process.device.type, torch.bfloat16, enabled=train.precision == "bfloat16"):
            logits = self._network(inputs).float()
        return self._setup.taught.loss(logits, targets, train.label_smoothing, self._weights, self._side_weights)
