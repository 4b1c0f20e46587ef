"""How fast a batch is: against decoding alone and the network alone on as many cores, a plain loop, and Ray Data.

    python benchmarks/batch.py [--quick] [--files 1000] [--kinds wav,flac,ogg,mp3,mixed] [--ray-python PATH]

For each kind of file, `mixed` being a quarter of each, in turn and round by round:

    batch      `classify_folder` with OUT and journal, from start to end
    decode     the same files as windows for the model, and no network
    network    the same sound as WAV at the model's own rate, mono: next to nothing to decode
    loop       librosa.load, then torch, clip by clip in one process; a tenth of the files
    ray        the same classifier in Ray Data, without its start, if Ray is installed here or for --ray-python

Columns: files/s and hours of sound/s of the batch; its rate as a share of the lower of the two bounds, and of the bound
of both together, which is what these cores can do if decoding and network must share them; how many times faster than
the loop and than Ray; and processor milliseconds for each file, which other work on the machine does not change.
Figures are those of the best round, shares the best of all rounds, times the medians. Memory is measured in
tests/batch/test_memory.py. With --quick, 100 files in two rounds: six minutes on two cores.
"""

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import soundfile

from audiocnn import Classifier, DecoderPool, classify_folder
from audiocnn.audio.prepare import open_prepared
from audiocnn.batch.engine import pipeline
from audiocnn.spec import AudioSpec

SAMPLE_RATE, CHANNELS = 44_100, 2
KINDS = ("wav", "flac", "ogg", "mp3")
DIFFERENT = 8
"""Clips of each kind that are really different; the others are links to them."""


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--files", type=int, help="of each kind: 1000, or 100 with --quick")
    parser.add_argument("--rounds", type=int, help="3, or 2 with --quick")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kinds", default=",".join([*KINDS, "mixed"]))
    parser.add_argument("--ray-python", help="a Python that has Ray, if this one has not")
    arguments = parser.parse_args()
    arguments.files = arguments.files or (100 if arguments.quick else 1000)
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 3)
    if arguments.ray_python is None and importlib.util.find_spec("ray") is not None:
        arguments.ray_python = sys.executable
    classifier = Classifier.load("genre")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"first result of one short file: {_start_s(folder):.2f} s after the command\n")
        plain = _clips(folder / "plain", ["wav"], classifier.spec.input.sample_rate, 1, arguments)
        runs = ["batch", "decode", "network", "loop", *(["ray"] if arguments.ray_python else [])]
        print(
            "| files | files/s | hours/s | of lower bound | of both | x loop | x ray | cpu ms "
            + " | ".join(runs)
            + f" |\n|{'---|' * (7 + len(runs))}"
        )
        for kind in arguments.kinds.split(","):
            print(_row(kind, folder, plain, classifier, arguments), flush=True)


def _row(kind: str, folder: Path, plain: Sequence[Path], classifier: Classifier, arguments: argparse.Namespace) -> str:
    spec, workers = classifier.spec.input, arguments.workers
    files = _clips(folder / kind, KINDS if kind == "mixed" else [kind], SAMPLE_RATE, CHANNELS, arguments)
    some = max(1, len(files) // 10)
    runs: dict[str, Callable[[], Cost]] = {
        "batch": lambda: _measured(lambda: _batch(folder / kind, folder / "out.csv", workers)),
        "decode": lambda: _measured(lambda: _decode(files, spec, workers)),
        "network": lambda: _measured(lambda: _network(plain, classifier, workers)),
        "loop": lambda: _measured(lambda: _loop(files[:some], classifier)),
    }
    if arguments.ray_python:
        runs["ray"] = lambda: _ray(arguments.ray_python, folder / kind, workers)
    runs["loop"]()  # loading torch and librosa does not count
    rounds = [{name: run() for name, run in runs.items()} for _ in range(arguments.rounds)]
    best = min(rounds, key=lambda costs: costs["batch"].wall_s)
    wall = [{name: cost.wall_s for name, cost in costs.items()} for costs in rounds]
    of_lower = max(max(costs["decode"], costs["network"]) / costs["batch"] for costs in wall)
    of_both = max((costs["decode"] + costs["network"]) / costs["batch"] for costs in wall)
    times_loop = statistics.median(costs["loop"] / some / costs["batch"] * len(files) for costs in wall)
    times_ray = statistics.median(costs.get("ray", float("nan")) / costs["batch"] for costs in wall)
    rate = len(files) / best["batch"].wall_s
    counts = dict.fromkeys(runs, len(files)) | {"loop": some}
    cpu = [f"{1000 * best[name].cpu_s / counts[name]:.1f}" for name in runs]
    cells = [
        kind, f"{rate:.1f}", f"{rate * arguments.seconds / 3600:.2f}", f"{of_lower:.2f}", f"{of_both:.2f}",
        f"{times_loop:.1f}", f"{times_ray:.1f}", *cpu,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _clips(
    folder: Path, kinds: Sequence[str], sample_rate: int, channels: int, arguments: argparse.Namespace
) -> list[Path]:
    """Chords with a beat, so that encoders and silence detection have something to do."""
    folder.mkdir()
    time_s = np.arange(int(arguments.seconds * sample_rate)) / sample_rate
    paths = [folder / f"{number:05d}.{kinds[number % len(kinds)]}" for number in range(arguments.files)]
    for number, path in enumerate(paths):
        if number >= DIFFERENT * len(kinds):
            os.link(paths[number % (DIFFERENT * len(kinds))], path)
            continue
        dice = np.random.default_rng(number // len(kinds))
        sound = sum(np.sin(2 * np.pi * hz * time_s) for hz in dice.uniform(100, 2000, 5)) * np.exp(-3 * (time_s % 0.5))
        sound = 0.1 * sound + dice.normal(0, 0.01, len(time_s))
        soundfile.write(path, np.tile(sound[:, np.newaxis], channels), sample_rate, format=path.suffix[1:].upper())
    return paths


def _batch(folder: Path, out: Path, workers: int) -> None:
    for file in classify_folder(folder, output=out, workers=workers, resume=False):
        if not file.ok:
            raise SystemExit(f"{file.path}: {file.outcome}")


def _decode(files: Sequence[Path], spec: AudioSpec, workers: int) -> None:
    def windows(path: Path) -> int:
        with open_prepared(path, spec, None, decoders) as prepared:
            return sum(1 for _ in prepared.windows())

    with DecoderPool(workers) as decoders:
        for _ in pipeline(files, windows, workers):
            pass


def _network(files: Sequence[Path], classifier: Classifier, workers: int) -> None:
    for _ in pipeline(files, classifier.classify, workers):
        pass


def _loop(files: Sequence[Path], classifier: Classifier) -> None:
    import librosa
    import torch

    torch.set_num_threads(1)
    spec = classifier.spec.input
    network = _torch_network()
    for path in files:
        sound, _ = librosa.load(path, sr=spec.sample_rate, mono=True)
        starts = range(0, max(len(sound) - spec.window, 0) + 1, spec.hop)
        windows = np.stack([sound[start : start + spec.window] for start in starts])
        windows = (windows - windows.mean(axis=1, keepdims=True)) / (windows.std(axis=1, keepdims=True) + 1e-6)
        with torch.inference_mode():
            network(torch.from_numpy(windows[:, np.newaxis])).mean(dim=0)


def _ray(python: str, folder: Path, workers: int) -> Cost:
    script = Path(__file__).with_name("batch_ray.py")
    command = [python, str(script), str(folder), "--workers", str(workers)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    cost = json.loads(told.splitlines()[-1])
    return Cost(cost["elapsed_s"], cost["cpu_s"])


def _torch_network() -> "Callable[..., object]":
    from audiocnn import pretrained
    from audiocnn.checkpoint import load_network

    return load_network(pretrained.resolve("genre"))[1]


def _measured(run: Callable[[], None]) -> Cost:
    cpu_before, started = _cpu_s(), time.perf_counter()
    run()
    return Cost(time.perf_counter() - started, _cpu_s() - cpu_before)


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _start_s(folder: Path, tries: int = 5) -> float:
    path = folder / "short.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    times = []
    for _ in range(tries):
        started = time.perf_counter()
        command = [sys.executable, "-m", "audiocnn", "classify", "-q", path]
        subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[1])
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
