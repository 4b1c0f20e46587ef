"""How fast a batch is: against its bounds, decoding alone and the network alone on as many cores, and a plain loop.

    python benchmarks/batch.py [--files 1000] [--seconds 30] [--workers 2] [--rounds 3] [--kinds wav,flac,ogg,mp3]

For each kind of file, in turn and round by round:

    batch      `classify_folder` with OUT and journal, from start to end
    decode     the same files as windows for the model, and no network
    network    the same sound as WAV at the model's own rate, mono: next to nothing to decode
    loop       librosa.load, then torch, clip by clip in one process; a tenth of the files

Columns: files/s and hours of sound/s of the batch; its rate as a share of the lower of the two bounds, and of the bound
of both together, which is what these cores can do if decoding and network must share them; how many times faster than
the loop; and processor milliseconds for each file, which other work on the machine does not change. Figures are those
of the best round, shares the best of all rounds. Memory is measured in tests/batch/test_memory.py.
"""

import argparse
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
DIFFERENT = 8
"""Clips of each kind that are really different; the others are links to them."""


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000, help="of each kind")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", default="wav,flac,ogg,mp3")
    arguments = parser.parse_args()
    classifier = Classifier.load("genre")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"first result of one short file: {_start_s(folder):.2f} s after the command\n")
        print(
            "| files | files/s | hours/s | of lower bound | of both | x loop | cpu ms batch | decode | network | loop |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for kind in arguments.kinds.split(","):
            print(_row(kind, folder, classifier, arguments), flush=True)


def _row(kind: str, folder: Path, classifier: Classifier, arguments: argparse.Namespace) -> str:
    spec = classifier.spec.input
    files = _clips(folder / kind, kind, SAMPLE_RATE, CHANNELS, arguments)
    plain = _clips(folder / f"{kind}-plain", "wav", spec.sample_rate, 1, arguments)
    some = max(1, len(files) // 10)
    runs: dict[str, Callable[[], None]] = {
        "batch": lambda: _batch(folder / kind, folder / "out.csv", arguments.workers),
        "decode": lambda: _decode(files, spec, arguments.workers),
        "network": lambda: _network(plain, classifier, arguments.workers),
        "loop": lambda: _loop(files[:some], classifier),
    }
    runs["loop"]()  # loading torch and librosa does not count
    rounds = [{name: _measured(run) for name, run in runs.items()} for _ in range(arguments.rounds)]
    best = min(rounds, key=lambda costs: costs["batch"].wall_s)
    wall = [{name: cost.wall_s for name, cost in costs.items()} for costs in rounds]
    of_lower = max(max(costs["decode"], costs["network"]) / costs["batch"] for costs in wall)
    of_both = max((costs["decode"] + costs["network"]) / costs["batch"] for costs in wall)
    times_loop = statistics.median(costs["loop"] / some / costs["batch"] * len(files) for costs in wall)
    rate = len(files) / best["batch"].wall_s
    counts = dict.fromkeys(runs, len(files)) | {"loop": some}
    cpu = [f"{1000 * best[name].cpu_s / counts[name]:.1f}" for name in runs]
    cells = [
        kind, f"{rate:.1f}", f"{rate * arguments.seconds / 3600:.2f}", f"{of_lower:.2f}", f"{of_both:.2f}",
        f"{times_loop:.1f}", *cpu,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _clips(folder: Path, kind: str, sample_rate: int, channels: int, arguments: argparse.Namespace) -> list[Path]:
    """Chords with a beat, so that encoders and silence detection have something to do."""
    folder.mkdir()
    time_s = np.arange(int(arguments.seconds * sample_rate)) / sample_rate
    paths = [folder / f"{number:05d}.{kind}" for number in range(arguments.files)]
    for number, path in enumerate(paths):
        if number >= DIFFERENT:
            os.link(paths[number % DIFFERENT], path)
            continue
        dice = np.random.default_rng(number)
        sound = sum(np.sin(2 * np.pi * hz * time_s) for hz in dice.uniform(100, 2000, 5)) * np.exp(-3 * (time_s % 0.5))
        sound = 0.1 * sound + dice.normal(0, 0.01, len(time_s))
        soundfile.write(path, np.tile(sound[:, np.newaxis], channels), sample_rate, format=kind.upper())
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
        subprocess.run([sys.executable, "-m", "audiocnn", "classify", "-q", path], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
