"""How much a training step computes, and how much a machine can."""

import time
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def window_flops(network: nn.Module, shape: Sequence[int]) -> float:
    """Operations of a training step on a batch of `shape` for each of its windows, two for a multiply-add.

    As torch counts them: convolutions and products, forward and backward. Nothing goes back through the first layer to
    the windows, whose gradient nobody needs.
    """
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(*shape)).sum().backward()
    return counter.get_total_flops() / shape[0]


def peak_flops(device: torch.device, threads: int, precision: str, size: int | None = None) -> float:
    """Operations a second of a product of two matrices, `size` x `size`, in the precision of the training.

    float32 on a GPU is TF32 where torch's convolutions take it for float32 too, which is their default.
    """
    torch.set_num_threads(threads)
    size = size or (8192 if device.type == "cuda" else 1536)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if device.type == "cuda" and torch.backends.cudnn.allow_tf32 else before)
    a = torch.randn(size, size, device=device, dtype=getattr(torch, precision))
    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        float((a @ a)[0, 0])
        seconds.append(time.perf_counter() - started)
    torch.set_float32_matmul_precision(before)
    return 2 * size**3 / min(seconds)
