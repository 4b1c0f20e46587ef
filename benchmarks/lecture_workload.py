"""The lectures' cost example, measured: ten layers of 100 to 100 channels with 5 x 5 filters over 64 x 64 positions.

    python benchmarks/lecture_workload.py [--device cpu] [--threads 2] [--rounds 7]

A. Smola's slide (L11) counts one billion multiply-adds a layer, and for a million examples through ten layers 18 hours
on its CPU and 14 minutes on its GPU: the forward pass alone, at the full peak of 0.15 and 12 TFLOP/s, with a
multiply-add counted as one operation. Data sheets count it as two, and so do the TFLOP/s here.

Measured are the forward pass and a training step (forward, backward, SGD), each beside a product of two large square
matrices in the same precision: the machine's peak. The three run in turn, round by round; the shares of the peak are
medians of each round's ratio, so that a machine that speeds up or slows down does not change them. A convolution by
FFT or Winograd multiplies less than is counted and can pass 100%. Precisions are fp32 and bf16 (autocast), on a GPU
also TF32; layouts are torch's own (NCHW) and channels last (NHWC).
"""

import argparse
import contextlib
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from torch import nn

from audiocnn.nn.blocks import ConvNormAct
from audiocnn.nn.cost import layer_costs
from training.malloc import keep_memory

LAYERS = 10
KERNEL_SIZE = 5
EXAMPLES = 1_000_000
SLIDE = "the slide's peak figures: CPU 18 h, GPU 14 min"
PRECISIONS = {"cpu": ("fp32", "bf16"), "cuda": ("fp32", "tf32", "bf16")}
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}
DEFAULT_IMAGES = {"cpu": 4, "cuda": 128}
DEFAULT_MATRIX = {"cpu": 2048, "cuda": 8192}
LEAST_SECONDS = 0.1
"""A measurement repeats its work for at least so long: a GPU does one call faster than Python can time it well."""


@dataclass(frozen=True)
class Workload:
    """Sizes of the stack; the defaults are the slide's. images: in one batch."""

    images: int
    channels: int = 100
    size: int = 64

    def network(self) -> nn.Sequential:
        """The ten layers with ReLUs between them, which the slide does not count."""
        layer = (ConvNormAct(2, self.channels, self.channels, KERNEL_SIZE, norm=False) for _ in range(LAYERS))
        return nn.Sequential(*layer)

    @property
    def forward(self) -> int:
        """Multiply-adds of one image through all layers."""
        rows = layer_costs(self.network(), (self.channels, self.size, self.size))
        return sum(row.multiply_adds for row in rows)

    @property
    def step(self) -> int:
        """Multiply-adds of one image in a training step.

        Each layer is passed once for its output and once for the gradient of its weights, and all but the first once
        more for the gradient of its input.
        """
        return self.forward * (3 * LAYERS - 1) // LAYERS


@dataclass(frozen=True)
class Row:
    """What was measured with one precision and layout. Speeds are medians over the rounds, shares are of the peak."""

    precision: str
    layout: str
    forward_images_s: float
    forward_share: float
    step_images_s: float
    step_share: float
    peak_tflops: float


def measure(device: torch.device, precision: str, layout: str, workload: Workload, matrix: int, rounds: int) -> Row:
    """Forward pass, training step and matrix product in turn, `rounds` times after one that does not count."""
    torch.manual_seed(0)
    network = workload.network().to(device, memory_format=LAYOUTS[layout])
    images = torch.randn(workload.images, workload.channels, workload.size, workload.size, device=device)
    images = images.to(memory_format=LAYOUTS[layout])
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-6)
    factors = torch.randn(2, matrix, matrix, device=device, dtype=torch.bfloat16 if precision == "bf16" else None)

    def forward() -> None:
        with torch.no_grad(), _autocast(device, precision):
            network(images)

    def step() -> None:
        with _autocast(device, precision):
            output = network(images)
        optimiser.zero_grad()
        output.backward(torch.ones_like(output))
        optimiser.step()

    def product() -> None:
        torch.mm(*factors)

    work = {
        forward: 2 * workload.forward * workload.images,
        step: 2 * workload.step * workload.images,
        product: 2 * matrix**3,
    }
    speeds: dict[Callable[[], None], list[float]] = {run: [] for run in work}
    with _precision(device, precision):
        calls = {run: _calls(run, device) for run in work}
        for _ in range(rounds):
            for run, operations in work.items():
                speeds[run].append(operations * calls[run] / _seconds(run, calls[run], device))

    def images_s(run: Callable[[], None]) -> float:
        return statistics.median(speeds[run]) / work[run] * workload.images

    def share(run: Callable[[], None]) -> float:
        return statistics.median(a / b for a, b in zip(speeds[run], speeds[product], strict=True))

    return Row(
        precision,
        layout,
        images_s(forward),
        share(forward),
        images_s(step),
        share(step),
        statistics.median(speeds[product]) / 1e12,
    )


def _autocast(device: torch.device, precision: str) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


@contextlib.contextmanager
def _precision(device: torch.device, precision: str) -> Iterator[None]:
    """On a GPU: fp32 exactly, or with factors rounded to TF32; and the fastest of cuDNN's algorithms for the shapes."""
    if device.type != "cuda":
        yield
        return
    matmul, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = cudnn
        torch.backends.cudnn.benchmark = False


def _calls(run: Callable[[], None], device: torch.device) -> int:
    """How often to call `run` in one measurement, from its second call: the first one sets things up."""
    _seconds(run, 1, device)
    return math.ceil(LEAST_SECONDS / _seconds(run, 1, device))


def _seconds(run: Callable[[], None], calls: int, device: torch.device) -> float:
    """A GPU works on after a call returns, so it is waited for on both sides."""
    _wait(device)
    started = time.perf_counter()
    for _ in range(calls):
        run()
    _wait(device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def duration(seconds: float) -> str:
    """Seconds as a reader of the slide would say it: `18 h`, `14 min`, `50 s`."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def table_row(row: Row) -> str:
    """A line of the table. The last two cells are what a million examples take, forward and in training."""
    cells = [
        row.precision,
        row.layout,
        f"{row.peak_tflops:.3g}",
        f"{row.forward_images_s:.3g}",
        f"{row.forward_share:.0%}",
        f"{row.step_images_s:.3g}",
        f"{row.step_share:.0%}",
        duration(EXAMPLES / row.forward_images_s),
        duration(EXAMPLES / row.step_images_s),
    ]
    return f"| {' | '.join(cells)} |"


def _describe(device: torch.device, threads: int) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{_processor()}, {threads} threads of {os.cpu_count()}, load {load} when it began"


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], action="append", help="default: all there are")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the CPU")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, help=f"in a batch; default: {DEFAULT_IMAGES}")
    parser.add_argument("--matrix", type=int, help=f"rows of the matrices; default: {DEFAULT_MATRIX}")
    parser.add_argument("--channels", type=int, default=100)
    parser.add_argument("--size", type=int, default=64, help="positions on each axis")
    options = parser.parse_args(arguments)
    devices = options.device or ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if "cuda" in devices and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device here; leave out --device cuda")
    keep_memory()
    torch.set_num_threads(options.threads)
    for name in devices:
        device = torch.device(name)
        workload = Workload(options.images or DEFAULT_IMAGES[name], options.channels, options.size)
        print(f"{_describe(device, options.threads)}; torch {torch.__version__}; batch {workload.images}")
        print(f"{workload.forward:,} multiply-adds an image forward, {workload.step:,} in a training step; {SLIDE}\n")
        print("| precision | layout | peak TFLOP/s | forward images/s | of peak | step images/s | of peak ", end="")
        print("| 1M forward | 1M in training |\n|---|---|---|---|---|---|---|---|---|")
        for precision in PRECISIONS[name]:
            for layout in LAYOUTS:
                matrix = options.matrix or DEFAULT_MATRIX[name]
                print(table_row(measure(device, precision, layout, workload, matrix, options.rounds)), flush=True)
        print()


if __name__ == "__main__":
    main()
