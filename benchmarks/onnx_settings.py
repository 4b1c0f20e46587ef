"""Threads, memory and batches of onnxruntime with a model, and how near its convolutions come to the machine's peak.

    python benchmarks/onnx_settings.py [--model genre] [--rounds 15]

First settings: CPU and clock time of a window, and what a session adds to a process's memory while two threads call it
with batches of changing sizes. Then each convolution by itself, on one thread at batch 8, beside a product of two large
matrices on one thread (NumPy's or torch's, whichever is faster): the peak. All take turns, round by round; times are
those of each one's best round, which other work on the machine disturbed least.
"""

import argparse
import itertools
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import onnxruntime

from audiocnn import pretrained
from audiocnn.checkpoint import ONNX, read_spec
from audiocnn.inference.onnx_file import with_outputs

BATCHES = (1, 8, 32)
BATCH = 8
MATRIX = 1024
CALLS, CALLERS = 80, 2


@dataclass(frozen=True)
class Setting:
    threads: int
    arena: bool
    pattern: bool

    def session(self, model: Path | bytes) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.enable_cpu_mem_arena, options.enable_mem_pattern = self.arena, self.pattern
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class Convolution:
    """One of the graph's, as a model of its own. operations: multiplications and additions for `values`."""

    name: str
    weight: tuple[int, ...]
    model: bytes
    values: np.ndarray
    operations: int


def memory_mb(setting: Setting, path: Path, shape: Sequence[int]) -> float:
    """What a session and its use add to a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_memory_mb, (setting, path, shape))


def _memory_mb(setting: Setting, path: Path, shape: Sequence[int]) -> float:
    before = _resident_mb()
    session = setting.session(path)
    name = session.get_inputs()[0].name
    random = np.random.default_rng(0)

    def call(index: int) -> None:
        session.run(None, {name: random.standard_normal(((8, 6, 1, 3)[index % 4], *shape)).astype(np.float32)})

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(call, range(CALLS)))
    return _resident_mb() - before


def _resident_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def in_turns(runs: Sequence[Callable[[], object]], rounds: int) -> list[tuple[float, float]]:
    """Seconds of each, of all processors and by the clock, in its best round. The first round does not count."""
    times: list[list[tuple[float, float]]] = [[] for _ in runs]
    for _ in range(rounds + 1):
        for run, taken in zip(runs, times, strict=True):
            cpu, clock = time.process_time(), time.perf_counter()
            run()
            taken.append((time.process_time() - cpu, time.perf_counter() - clock))
    return [(min(cpu for cpu, _ in taken[1:]), min(clock for _, clock in taken[1:])) for taken in times]


def convolutions(path: Path, values: np.ndarray) -> Iterator[Convolution]:
    """Those of an exported graph, each with the input that it gets when the graph is run with `values`."""
    import onnx
    from onnx import helper, numpy_helper

    graph = onnx.load(path).graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    of_input = graph.input[0].name
    asked = [name for name in dict.fromkeys(node.input[0] for node in nodes) if name != of_input]
    session = Setting(1, True, True).session(with_outputs(path.read_bytes(), asked))
    inputs = dict(zip(asked, session.run(asked, {of_input: values}), strict=True)) | {of_input: values}
    for node in nodes:
        given = inputs[node.input[0]]
        own = [weights[name] for name in node.input[1:]]
        float_tensor = onnx.TensorProto.FLOAT
        alone = helper.make_graph(
            [node],
            node.name,
            [helper.make_tensor_value_info(node.input[0], float_tensor, given.shape)],
            [helper.make_tensor_value_info(node.output[0], float_tensor, None)],
            own,
        )
        model = helper.make_model(alone, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        (output,) = Setting(1, True, True).session(model.SerializeToString()).run(None, {node.input[0]: given})
        shape = numpy_helper.to_array(own[0]).shape
        operations = 2 * output.size * int(np.prod(shape[1:]))
        yield Convolution(node.name, shape, model.SerializeToString(), given, operations)


def print_settings(path: Path, shape: Sequence[int], rounds: int) -> None:
    random = np.random.default_rng(0)
    settings = [Setting(1, arena, pattern) for arena, pattern in itertools.product((True, False), repeat=2)]
    settings += [Setting(threads, True, True) for threads in (2,) if (os.cpu_count() or 1) > 1]
    runs: list[Callable[[], object]] = []
    for setting, batch in itertools.product(settings, BATCHES):
        session, windows = setting.session(path), random.standard_normal((batch, *shape)).astype(np.float32)
        feed = {session.get_inputs()[0].name: windows}
        runs.append(lambda session=session, feed=feed: session.run(None, feed))
    times = iter(in_turns(runs, rounds))
    heads = " | ".join(f"batch {batch}" for batch in BATCHES)
    print(f"ms a window, CPU / clock\n\n| threads | arena | pattern | {heads} | memory, MB |")
    print("|---:|---|---|" + "---:|" * (len(BATCHES) + 1))
    for setting in settings:
        cells = [str(setting.threads), *("on" if is_on else "off" for is_on in (setting.arena, setting.pattern))]
        for batch, (cpu_s, clock_s) in zip(BATCHES, times, strict=False):
            cells.append(f"{1000 * cpu_s / batch:.2f} / {1000 * clock_s / batch:.2f}")
        print(f"| {' | '.join([*cells, f'{memory_mb(setting, path, shape):.0f}'])} |", flush=True)


def print_peak(path: Path, shape: Sequence[int], rounds: int) -> None:
    import torch  # not above: the processes that measure memory import this file too

    torch.set_num_threads(1)
    windows = np.random.default_rng(0).standard_normal((BATCH, *shape)).astype(np.float32)
    found = list(convolutions(path, windows))
    factors = np.random.default_rng(0).standard_normal((2, MATRIX, MATRIX)).astype(np.float32)
    tensors = torch.from_numpy(factors)
    whole = Setting(1, True, True).session(path)
    runs: list[Callable[[], object]] = [
        lambda: factors[0] @ factors[1],
        lambda: tensors[0] @ tensors[1],
        lambda: whole.run(None, {whole.get_inputs()[0].name: windows}),
    ]
    for one in found:
        session = Setting(1, True, True).session(one.model)
        feed = {session.get_inputs()[0].name: one.values}
        runs.append(lambda session=session, feed=feed: session.run(None, feed))
    (numpy_s, _), (torch_s, _), (whole_s, _), *each = in_turns(runs, rounds)
    peak = 2 * MATRIX**3 / min(numpy_s, torch_s)
    print(f"\npeak {peak / 1e9:.1f} GFLOP/s (NumPy {numpy_s * 1e3:.1f} ms, torch {torch_s * 1e3:.1f} ms)\n")
    print("| convolution | weight | MFLOP | ms | GFLOP/s | of the peak |\n|---|---|---:|---:|---:|---:|")
    for one, (seconds, _) in zip(found, each, strict=True):
        print_speed(one.name, "x".join(map(str, one.weight)), one.operations, seconds, peak)
    total = sum(one.operations for one in found)
    print_speed("all of them", "", total, sum(seconds for seconds, _ in each), peak)
    print_speed("the whole network", "", total, whole_s, peak)


def print_speed(name: str, weight: str, operations: int, seconds: float, peak: float) -> None:
    speed = operations / seconds
    cells = [name, weight, f"{operations / 1e6:.1f}", f"{1000 * seconds:.2f}", f"{speed / 1e9:.1f}"]
    print(f"| {' | '.join([*cells, f'{speed / peak:.2f}'])} |")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="genre", help="a bundled model's name or a model directory")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    directory = pretrained.resolve(options.model)
    shape = read_spec(directory).input.shape
    print_settings(directory / ONNX, shape, options.rounds)
    print_peak(directory / ONNX, shape, options.rounds)


if __name__ == "__main__":
    main()
