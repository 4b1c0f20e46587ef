"""Optimiser, learning rate, and averaged weights."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from audiocnn.nn.filterbank import Energies, NormOverTime
from training.config import OptimConfig


def make_optimizer(network: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """The optimiser `config` names, with weight decay on weights (2 or more axes) and none on norms and biases.

    What `NormOverTime` learns is a norm's, though it has two axes. The filters of `Energies` are a group of their own,
    for `set_rate`.
    """
    banks = [module.filters for module in network.modules() if isinstance(module, Energies)]
    filters = {parameter for bank in banks for parameter in bank.parameters()}
    norms = {p for module in network.modules() if isinstance(module, NormOverTime) for p in module.parameters()}
    groups: list[dict[str, Any]] = []
    for share, members in ((1.0, set(network.parameters()) - filters), (config.filter_lr, filters)):
        # In the order of the network, which a set does not keep: a saved state goes by it.
        chosen = [parameter for parameter in network.parameters() if parameter in members]
        weights = [p for p in chosen if p.ndim > 1 and p not in norms]
        others = [p for p in chosen if p.ndim <= 1 or p in norms]
        groups.append({"params": weights, "weight_decay": config.weight_decay, "lr_share": share})
        groups.append({"params": others, "weight_decay": 0.0, "lr_share": share})
    groups = [group for group in groups if group["params"]]
    if config.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, nesterov=config.momentum > 0
        )
    else:
        optimizer = torch.optim.AdamW(groups, lr=config.lr)
    set_rate(optimizer, config.lr)
    return optimizer


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step; the filters of a learned filterbank have their share of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_share"]


def learning_rate(step: int, total_steps: int, config: OptimConfig) -> float:
    """Linear warm-up from a 25th of the peak, then half a cosine down to zero."""
    warmup = max(1, round(config.warmup * total_steps))
    if step < warmup:
        return config.lr * (0.04 + 0.96 * step / warmup)
    progress = (step - warmup) / max(1, total_steps - warmup)
    return config.lr * 0.5 * (1 + math.cos(math.pi * progress))


class Ema:
    """An exponential moving average of a network's weights and norm statistics.

    The decay starts low and approaches `decay`, so that the random weights of the start are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.weights = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the weights after training step `step` (0 is the first)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            average = self.weights[name]
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)

    @contextmanager
    def applied_to(self, network: nn.Module) -> Iterator[None]:
        """The network with the averaged weights in evaluation mode; afterwards it has its own again."""
        own = {name: value.clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.weights)
        network.eval()
        try:
            yield
        finally:
            network.load_state_dict(own)
            network.train()

    def load(self, weights: dict[str, Tensor]) -> None:
        for name, value in weights.items():
            self.weights[name].copy_(value)
