"""How fast training is: this project's loop beside a plain one, on more processes, and as the clips grow in number.

    python benchmarks/training.py [--device cpu] [--threads 1] [--rounds 3]

The plain loop is what people write first: a `Dataset` that seeks in each file with soundfile, reads a window, resamples
it with soxr and mixes it to mono, a `DataLoader` with as many workers as threads, AdamW, no augmentation. Both train
the same network on the same clips with the same batches and precision, in processes of their own, in turn, round by
round, and on a CPU on as many cores as threads, workers included; figures are medians over the rounds and over all
epochs but the first, and the ratio is the median of each round's ratio, so that a machine that speeds up or slows down
does not change it. Decoding the clips into the cache, which only this project's loop does, once, is a column of its
own. The arithmetic is what torch counts in a step, beside a product of two large matrices in the same precision. Memory
is the largest process's and, of a GPU, the most that torch had allocated there at once.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
import soundfile
import soxr
import torch
from torch.utils.data import DataLoader, Dataset

from audiocnn import models
from benchmarks.flops import peak_flops, window_flops

NETWORK = "filterbank-resnet"
SAMPLE_RATE, FILE_RATE = 16_000, 44_100
WINDOW = 2 * SAMPLE_RATE
BATCH = 16
CLIP_S = 30
EPOCHS = 4
FORMATS = {"ogg": "VORBIS", "flac": "PCM_16", "wav": "PCM_16"}
GROWTH = (1, 10, 100)
RECIPE = f"""
name = "benchmark"
[data]
validation = 0.0
[input]
sample_rate = {SAMPLE_RATE}
window = {WINDOW}
hop = {WINDOW}
[model]
architecture = "{NETWORK}"
[train]
epochs = {EPOCHS}
batch_size = {BATCH}
[augment]
gain_db = 0.0
noise_db = []
polarity = false
"""


OURS = """
import atexit, runpy

@atexit.register
def tell():
    import torch
    print(torch.cuda.max_memory_allocated() / 2**20)

runpy.run_module("training", run_name="__main__", alter_sys=True)
"""
"""`python -m training`, and what it had allocated on a GPU as the last line of its output."""


@dataclass(frozen=True)
class Trained:
    """A whole training. epoch_s: median over the epochs but the first. other_s: start, decoding, saving.

    peak_mib: in the processor's memory. device_mib: in that of a GPU, 0 without one.
    """

    epoch_s: float
    other_s: float
    data_wait: float
    peak_mib: float
    device_mib: float

    @property
    def memory(self) -> str:
        return f"{self.peak_mib:.0f} MiB" + (f", GPU {self.device_mib:.0f} MiB" if self.device_mib else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=64, help="two stereo channels of 30 s each")
    parser.add_argument("--crops", type=int, default=8, help="windows of each clip in an epoch")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        train_plainly(arguments)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(folder, arguments)
        scale(folder, arguments)
        with _cores(arguments.threads, arguments.device):
            grow(folder, arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> None:
    peak = peak_flops(torch.device(arguments.device), arguments.threads, arguments.precision)
    epoch_flops = window_flops(models.build(NETWORK, 2), (BATCH, 1, WINDOW)) * arguments.clips * arguments.crops
    print(f"A product of two large matrices in {arguments.precision}: {peak / 1e9:.0f} GFLOP/s.\n")
    mine = "ours: windows/s | of that product | data wait | memory | decoding and start"
    print(f"| files | epochs faster than plain | {mine} | plain: windows/s | memory |\n|{'---|' * 9}")
    for extension in arguments.formats.split(","):
        data = write_clips(folder / extension, arguments.clips, extension)
        with _cores(arguments.threads, arguments.device):
            rounds = [
                (train_ours(data, folder / f"{extension}-{i}", arguments), _plain(data, arguments))
                for i in range(arguments.rounds)
            ]
        ours, plain = (_median([pair[i] for pair in rounds]) for i in (0, 1))
        ratio = statistics.median(theirs.epoch_s / mine.epoch_s for mine, theirs in rounds)
        windows = arguments.clips * arguments.crops
        print(
            f"| {extension} | **{ratio:.2f}** | {windows / ours.epoch_s:.0f} | "
            f"{epoch_flops / ours.epoch_s / peak:.0%} | {ours.data_wait:.1%} | {ours.memory} | "
            f"{ours.other_s:.1f} s | {windows / plain.epoch_s:.0f} | {plain.memory} |",
            flush=True,
        )


def scale(folder: Path, arguments: argparse.Namespace) -> None:
    """Two processes, each with its share of a batch and as many threads and cores as one alone has."""
    if arguments.device != "cpu" or (os.cpu_count() or 1) < 2 * arguments.threads:
        return
    data = write_clips(folder / "scale", arguments.clips, "wav")
    ratios = []
    for i in range(arguments.rounds):
        with _cores(arguments.threads, arguments.device):
            one = train_ours(data, folder / f"one-{i}", arguments)
        two = train_ours(data, folder / f"two-{i}", arguments, processes=2)
        ratios.append(one.epoch_s / two.epoch_s)
    print(f"\nTwo processes (gloo): epochs {statistics.median(ratios):.2f} times as fast as one.", flush=True)


def grow(folder: Path, arguments: argparse.Namespace) -> None:
    """The same steps over ten and a hundred times as many clips, links to the same files."""
    few = max(BATCH, arguments.clips // 4)
    print(
        "\n| clips | windows/s against the fewest | start, first time | start, again | memory |\n|---|---|---|---|---|"
    )
    least: Trained | None = None
    for factor in GROWTH:
        data = write_clips(folder / f"grow-{factor}", few, "wav", links=factor)
        first = train_ours(data, folder / f"grow-run-{factor}", arguments, epochs=1)
        cache = folder / f"grow-run-{factor}-cache"
        again = train_ours(data, folder / f"grow-again-{factor}", arguments, epochs=1, cache=cache)
        least = least or again
        speed = least.epoch_s / again.epoch_s * factor
        cells = f"{speed:.2f} | {first.other_s:.1f} s | {again.other_s:.1f} s | {again.memory}"
        print(f"| {few * factor} | {cells} |", flush=True)


def write_clips(data: Path, clips: int, extension: str, links: int = 1) -> Path:
    """Folders of two classes with noise of two colours; `links` names for each file."""
    random = np.random.default_rng(0)
    for i in range(clips):
        folder = data / ("even", "odd")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        noise = 0.1 * random.standard_normal((CLIP_S * FILE_RATE, 2)).astype(np.float32)
        path = folder / f"{i}.{extension}"
        soundfile.write(path, np.cumsum(noise, 0) % 0.5 if i % 2 else noise, FILE_RATE, FORMATS[extension])
        for copy in range(1, links):
            os.link(path, folder / f"{i}-{copy}.{extension}")
    return data


def train_ours(
    data: Path,
    run: Path,
    arguments: argparse.Namespace,
    *,
    processes: int = 1,
    epochs: int = EPOCHS,
    cache: Path | None = None,
) -> Trained:
    recipe = run.with_suffix(".toml")
    recipe.write_text(RECIPE)
    start = [sys.executable, "-c", OURS]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        start = [sys.executable, *launcher, "-m", "--", "training"]  # or the launcher takes --run for one of its own
    cache = cache or run.with_name(f"{run.name}-cache")
    command = [*start, "train", str(recipe), "--data", str(data), "--run", str(run), "--cache", str(cache)]
    command += ["--device", arguments.device, "--threads", str(arguments.threads)]
    command += ["--set", f"train.precision={arguments.precision}", "--set", f"train.crops_per_clip={arguments.crops}"]
    command += ["--set", f"train.epochs={epochs}"]
    wall_s, peak_mib, output = _run(command)
    device_mib = float(output.splitlines()[-1]) if processes == 1 else 0.0
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    counted = rows[1:] or rows
    seconds = statistics.median(row["seconds"] for row in counted)
    wait = statistics.median(row["data_wait"] for row in counted)
    return Trained(seconds, wall_s - sum(row["seconds"] for row in rows), wait, peak_mib, device_mib)


def _plain(data: Path, arguments: argparse.Namespace) -> Trained:
    command = [sys.executable, __file__, "--plain", str(data), "--device", arguments.device]
    command += ["--threads", str(arguments.threads), "--crops", str(arguments.crops)]
    command += ["--precision", arguments.precision]
    wall_s, peak_mib, output = _run(command)
    told = json.loads(output)
    seconds: list[float] = told["seconds"]
    return Trained(statistics.median(seconds[1:]), wall_s - sum(seconds), 0.0, peak_mib, told["device_mib"])


class Windows(Dataset[tuple[torch.Tensor, int]]):
    """A random window of a clip, read from its file each time."""

    def __init__(self, data: Path, crops: int) -> None:
        self.files = sorted(data.rglob("*.*")) * crops
        self.labels = sorted({path.parent.name for path in self.files})

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path = self.files[index]
        with soundfile.SoundFile(path) as file:
            wanted = WINDOW * file.samplerate // SAMPLE_RATE + 1
            file.seek(int(torch.randint(max(1, file.frames - wanted), ())))
            samples = file.read(wanted, dtype="float32", always_2d=True).mean(1)
        waveform = soxr.resample(samples, file.samplerate, SAMPLE_RATE)[:WINDOW]
        return torch.from_numpy(waveform)[None], self.labels.index(path.parent.name)


def train_plainly(arguments: argparse.Namespace) -> None:
    """The plain loop; prints the seconds of each epoch, and what it had allocated on a GPU."""
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    windows = Windows(arguments.plain, arguments.crops)
    loader = DataLoader(
        windows,
        BATCH,
        shuffle=True,
        drop_last=True,
        num_workers=arguments.threads,
        persistent_workers=True,
        pin_memory=device.type == "cuda",
    )
    network = models.build(NETWORK, len(windows.labels)).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    seconds = []
    for _ in range(EPOCHS):
        started = time.perf_counter()
        for waveforms, labels in loader:
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=arguments.precision == "bfloat16"):
                logits = network(waveforms.to(device))
            loss = torch.nn.functional.cross_entropy(logits.float(), labels.to(device))
            loss.backward()
            optimizer.step()
            loss.item()
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "device_mib": torch.cuda.max_memory_allocated() / 2**20}))


@contextmanager
def _cores(count: int, device: str) -> Iterator[None]:
    """What is started here has so many cores to itself, where the system knows how; with a GPU, all of them."""
    if device != "cpu" or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _run(command: Sequence[str]) -> tuple[float, float, str]:
    """Seconds, largest memory of one process in MiB, and output of a command. Ends the benchmark if it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{errors.read()}")
        return time.perf_counter() - started, usage.ru_maxrss / 1024, output.read()


def _median(runs: Sequence[Trained]) -> Trained:
    fields: dict[str, Any] = {
        name: statistics.median(getattr(run, name) for run in runs) for name in Trained.__annotations__
    }
    return Trained(**fields)


if __name__ == "__main__":
    main()
