"""One batch learned by heart: a mistake in the network or the labels shows within seconds."""

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.config import Config
from training.distributed import Process
from training.optim import make_optimizer
from training.progress import progress_bar
from training.setup import Setup, fresh_network, prepare
from training.step import Step

_NEAR = 0.02
_PLAIN: dict[str, Any] = {
    "mixup": 0.0,
    "mixing": "mixup",
    "cut_mix": 0.0,
    "label_smoothing": 0.0,
    "weight_decay": 0.0,
    "balance": "none",
}


@dataclass(frozen=True, slots=True)
class Overfitted:
    """What became of one batch. `lowest`: the least loss its targets allow, above 0 where they are shares."""

    windows: int
    steps: int
    first: float
    last: float
    lowest: float

    @property
    def learned(self) -> bool:
        return self.last <= self.lowest + _NEAR

    def __str__(self) -> str:
        what = f"the loss of one batch of {self.windows} windows went from {self.first:.3f} to {self.last:.3f} in "
        what += f"{self.steps} steps; its labels allow {self.lowest:.3f}"
        if self.learned:
            return f"learned: {what}. The network can learn what these clips say"
        return f"not learned: {what}. Look for a mistake in the network or the labels, or try another train.lr"


def overfit_batch(
    config: Config, data: Path, cache_directory: Path, process: Process, fold: str | None, steps: int = 500
) -> Overfitted:
    """Train on one batch and nothing else, until its loss is as low as its targets allow or `steps` are done.

    Without augmentation, mixing, smoothing, weight decay, balance and dropout, at the recipe's peak learning rate.
    """
    train = replace(config.train, **_PLAIN)
    config = replace(config, train=train, augment=_off(config.augment))
    setup = prepare(config, data, cache_directory, process, fold)
    network = fresh_network(config, setup, process)
    step = Step(network, make_optimizer(network, train), setup, config, process)
    for module in network.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    batch = setup.batches.batch(0, process.rank, process.world_size)
    lowest = process.mean_loss(_lowest_loss(batch[1], setup, config))
    losses: list[float] = []
    with progress_bar(visible=process.is_first) as bar:
        bar_task = bar.add_task("one batch", total=steps, note="")
        while len(losses) < steps and (not losses or losses[-1] > lowest + _NEAR):
            losses.append(process.mean_loss(step.take(batch, 0, train.lr)))
            bar.update(bar_task, advance=1, note=f"loss {losses[-1]:.3f}")
    return Overfitted(setup.batches.batch_size, len(losses), losses[0], losses[-1], lowest)


def _off(augment: Any) -> Any:
    """The section with every change switched off; what is a number of times stays."""
    off = {float: 0.0, bool: False, tuple: ()}
    values = {field.name: getattr(augment, field.name) for field in dataclasses.fields(augment)}
    return replace(augment, **{name: off[type(v)] for name, v in values.items() if type(v) in off})


def _lowest_loss(targets: Tensor, setup: Setup, config: Config) -> Tensor:
    """The loss of the best logits there are for some targets, found by descent: it is convex in them."""
    targets = targets.to("cpu")
    weights = {name: task.weight for name, task in config.side_tasks.items()}
    logits = torch.zeros(len(targets), setup.taught.num_outputs, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        loss = setup.taught.loss(logits, targets, side_weights=weights)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return setup.taught.loss(logits.detach(), targets, side_weights=weights)
