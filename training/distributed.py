"""This process among others: set up by `torchrun`, or alone."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, distributed
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

from audiocnn.errors import ConfigError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Process:
    """`rank` of `world_size` processes, computing on `device`.

    What the methods below exchange comes from all processes: each of them must call the same ones in the same order.
    """

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

    def highest(self, *values: int) -> list[int]:
        """The highest of all processes' values, one by one."""
        if self.world_size == 1:
            return list(values)
        highest = torch.tensor(values)
        distributed.all_reduce(highest, distributed.ReduceOp.MAX)
        return [int(value) for value in highest]

    def mean(self, values: Tensor) -> Tensor:
        """The mean of all processes' values, which lie in the processor's memory."""
        if self.world_size > 1:
            distributed.all_reduce(values)
            values = values / self.world_size
        return values

    def mean_loss(self, loss: Tensor) -> float:
        """The mean of a loss on any device, as a number."""
        return float(self.mean(loss.detach().double().cpu()))

    def gather(self, item: Item) -> list[Item]:
        """The items of all processes, by rank."""
        if self.world_size == 1:
            return [item]
        items: list[Item | None] = [None] * self.world_size
        distributed.all_gather_object(items, item)
        return items  # type: ignore[return-value]

    def copy_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Give tensors the values they have in the first process."""
        if self.world_size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)


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
        # Small things travel between the processors, so that no GPU has to finish its work for them.
        backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        if store := _store_of_attempt():
            distributed.init_process_group(backend, store=store, rank=rank, world_size=world_size)
        else:
            distributed.init_process_group(backend)
    try:
        yield Process(rank, world_size, torch.device("cuda", local) if cuda else torch.device("cpu"))
    finally:
        if world_size > 1:
            distributed.destroy_process_group()


def _store_of_attempt() -> PrefixStore | None:
    """Where the processes of one attempt of `torchrun` find each other; None without `torchrun`.

    `torchrun` keeps one store over its restarts, with the addresses of processes that are gone. Behind a prefix of its
    own, a new attempt does not see them; without it, it waits for them or fails.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return None
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(address, port, int(os.environ["WORLD_SIZE"]), is_master=False)
    return PrefixStore(f"attempt {os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
