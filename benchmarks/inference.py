"""How much faster the exported networks are: onnxruntime on lowered 2D layers, against torch and against 1D layers.

    python benchmarks/inference.py [--threads 2] [--rounds 15]

The three run in turn, round by round, on the same batch; the figures are medians of each round's ratio, so that a
machine that speeds up or slows down does not change them. torch runs with the memory settings of `training/malloc.py`.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from training.malloc import keep_memory

keep_memory()

import numpy as np
import torch
from torch import nn

from audiocnn import models
from audiocnn.export import lower, write_onnx
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.inference.torch_backend import TorchBackend
from audiocnn.spec import AudioSpec

Run = Callable[[np.ndarray], np.ndarray]
CASES = [("m5", 8_000), ("m18", 8_000), ("filterbank-resnet", 64_000)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("| network | batch | 2D ms | torch / 2D | 1D / 2D |\n|---|---|---|---|---|")
    for name, samples in CASES:
        network = models.build(name, 10).eval()
        with tempfile.TemporaryDirectory() as folder:
            backends = {
                "2d": _onnx(lower(network), samples, Path(folder) / "2d.onnx", arguments.threads),
                "1d": _onnx(network, samples, Path(folder) / "1d.onnx", arguments.threads),
                "torch": TorchBackend(network),
            }
            for batch in (1, 8):
                times = _times(backends, batch, samples, arguments.rounds)
                ratios = {
                    other: statistics.median(a / b for a, b in zip(times[other], times["2d"], strict=True))
                    for other in ("torch", "1d")
                }
                median_ms = 1000 * statistics.median(times["2d"])
                print(
                    f"| {name} | {batch} | {median_ms:.1f} | {ratios['torch']:.2f} | {ratios['1d']:.2f} |", flush=True
                )


def _onnx(network: nn.Module, samples: int, path: Path, threads: int) -> OnnxBackend:
    write_onnx(network, AudioSpec(16_000, samples, samples), path)
    return OnnxBackend(path, "waveform", threads)


def _times(backends: dict[str, Run], batch: int, samples: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round for each backend, after one round that does not count."""
    waveform = np.random.default_rng(0).standard_normal((batch, 1, samples)).astype(np.float32)
    times: dict[str, list[float]] = {name: [] for name in backends}
    for _ in range(rounds + 1):
        for name, run in backends.items():
            started = time.perf_counter()
            run(waveform)
            times[name].append(time.perf_counter() - started)
    return {name: values[1:] for name, values in times.items()}


if __name__ == "__main__":
    main()
