"""This process among others: set up by `torchrun`, or alone."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from audiocnn.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Process:
    """`rank` of `world_size` processes, computing on `device`."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wait_for_others(self) -> None:
        """Return when all processes have called this."""
        if self.world_size > 1:
            distributed.barrier()


@contextmanager
def join(device: str) -> Iterator[Process]:
    """Join the process group if `torchrun` started us, and leave it at the end.

    device: `cpu`, `cuda`, or `auto` for a GPU where there is one. Raises `ConfigError` for cuda without a GPU.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--device must be auto, cpu or cuda, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda needs a GPU that torch can use, found none; take --device cpu")
    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if cuda:
        torch.cuda.set_device(local)
    if world_size > 1:
        distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Process(rank, world_size, torch.device("cuda", local) if cuda else torch.device("cpu"))
    finally:
        if world_size > 1:
            distributed.destroy_process_group()
