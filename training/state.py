"""Everything a run needs to go on where it stopped, written atomically. Nothing is pickled.

Random numbers need no state: crops, augmentation and dropout are seeded by run and step.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import CheckpointError
from training.optim import Ema

STATE = "state.safetensors"


@dataclass(slots=True)
class Progress:
    """How far a run has come.

    epoch: epochs done. step, loss_sum, seconds, waited: steps done in the epoch after those, the sum of their losses,
    the time they took, and how much of it they waited for data. best_loss, best_epoch: the best validation loss with
    its epoch (0: none yet).
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    best_loss: float = float("inf")
    best_epoch: int = 0


def save_state(
    directory: Path,
    network: nn.Module,
    ema: Ema,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    config: str,
    validation: Sequence[str],
) -> None:
    """Write the state of a run.

    config: a JSON text, kept to refuse resuming another one. validation: the names of the validation clips.
    """
    tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in ema.weights.items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": v for k, v in values.items()}
    contiguous = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    metadata = {"progress": json.dumps(asdict(progress)), "config": config, "validation": json.dumps(validation)}
    write_atomically(directory / STATE, to_bytes(contiguous, metadata))


def load_state(
    directory: Path, network: nn.Module, ema: Ema, optimizer: torch.optim.Optimizer, config: str
) -> Progress:
    """Put a run back where it stopped. A directory without state gives a fresh `Progress`.

    Raises `CheckpointError` for the state of a run with another `config`, and a file that is damaged or no state.
    """
    path = directory / STATE
    if not path.is_file():
        return Progress()
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read the training state {path}: {error}; delete it to start again") from error
    if not {"config", "progress"} <= metadata.keys():
        raise CheckpointError(f"{path} is not the state of a training; choose another --run or delete it")
    if json.loads(metadata["config"]) != json.loads(config):  # 1 and 1.0 are one, and the order of keys is none
        raise CheckpointError(
            f"{directory} holds a run with another configuration or other clips (their names, labels or values, and "
            "content are compared), or one that an earlier version began; choose another --run or delete it"
        )
    network.load_state_dict(_part(tensors, "network."))
    ema.load(_part(tensors, "ema."))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _part(tensors, "optimizer.").items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return Progress(**json.loads(metadata["progress"]))


def noted(directory: Path, name: Literal["config", "validation"]) -> Any:
    """What `save_state` was given as `name`, out of its JSON; None without a state that can be read and has it."""
    try:
        with safe_open(directory / STATE, framework="pt") as file:
            return json.loads((file.metadata() or {}).get(name, "null"))
    except (OSError, SafetensorError):
        return None


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
