"""The benchmark of training: what it counts, what it compares with, and that it runs."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from audiocnn import models
from audiocnn.nn.cost import layer_costs
from benchmarks.flops import peak_flops, window_flops
from benchmarks.training import BATCH, NETWORK, WINDOW, Trained
from tests.training.conftest import ROOT

CPU = torch.device("cpu")


def test_a_step_is_three_passes_through_each_layer_but_two_through_the_first() -> None:
    first, *others = [row.multiply_adds for row in layer_costs(models.build(NETWORK, 2), (1, WINDOW))]
    assert first > 0.3 * sum(others)
    assert window_flops(models.build(NETWORK, 2), (BATCH, 1, WINDOW)) == 2 * (2 * first + 3 * sum(others))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_peak_is_that_of_the_precision(precision: str) -> None:
    seen: set[torch.dtype] = set()

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, operation, types, arguments=(), options=None):  # type: ignore[no-untyped-def]
            if operation is torch.ops.aten.mm.default:
                seen.update(tensor.dtype for tensor in arguments)
            return operation(*arguments, **(options or {}))

    before = torch.get_float32_matmul_precision()
    with Watch():
        assert peak_flops(CPU, 1, precision, size=64) > 0
    assert seen == {getattr(torch, precision)}
    assert torch.get_float32_matmul_precision() == before


def test_the_memory_of_a_gpu_stands_beside_that_of_the_process() -> None:
    assert Trained(1.0, 1.0, 0.0, peak_mib=500.4, device_mib=0.0).memory == "500 MiB"
    assert Trained(1.0, 1.0, 0.0, peak_mib=500.4, device_mib=1234.0).memory == "500 MiB, GPU 1234 MiB"


def measured(device: str, precision: str) -> list[list[str]]:
    """The cells of all rows of figures that the benchmark prints, in the order of their tables."""
    small = f"--device {device} --precision {precision} --rounds 1 --clips 16 --crops 1 --formats wav"
    command = [sys.executable, str(Path("benchmarks") / "training.py"), *small.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    assert f"A product of two large matrices in {precision}: " in done.stdout
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] == "wav" or row[0].isdigit()]


@pytest.mark.slow
def test_it_measures_on_the_cpu() -> None:
    compared, *grown = measured("cpu", "float32")
    assert compared[0] == "wav"
    assert "GPU" not in compared[5] + compared[8]
    assert [row[0] for row in grown] == ["16", "160", "1600"]


@pytest.mark.slow
@pytest.mark.gpu
def test_it_measures_on_a_gpu() -> None:
    compared, *grown = measured("cuda", "bfloat16")
    assert all(", GPU " in cell for cell in (compared[5], compared[8], *(row[4] for row in grown)))
