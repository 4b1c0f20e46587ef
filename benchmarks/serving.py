"""The service against the bare `Classifier` and against the same model served by other means, on loopback.

    python benchmarks/serving.py [--quick] [--workers 2] [--concurrency 1,8,64] [--json results.json]
        [--python ray-serve=PATH]

The file is 30 s of 22.05 kHz mono WAV (1.3 MB). Each contender is a process (or several) of its own; for each
concurrency they take turns, round by round, and one that is not at work waits. Compared are

- the rates of the best rounds, which on a shared machine is what was disturbed least;
- the processor time for a file, medians over the rounds, which other work disturbs far less. It is that of the
  contender's processes, all of them, and not of the client, which takes from the same CPUs.

LitServe and Ray Serve take part where they are installed, here or for the Python that `--python` names for them. Linux
only: memory and time are read from /proc. With --quick, two rounds: four minutes on two cores.
"""

import argparse
import contextlib
import http.client
import importlib.util
import io
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import soundfile

from benchmarks.processes import cpu_s, memory_mb
from benchmarks.serving_peers import HOST, in_threads

ROOT = Path(__file__).parents[1]
SECONDS, RATE = 30, 22_050
START_LIMIT_S = 180
BARE = "bare Classifier"
SERVICE = "service"
NEEDS = {"litserve": "litserve", "ray-serve": "ray"}
"""The package that a contender needs."""
_BOUNDARY = "serving-benchmark"


@dataclass(frozen=True)
class Round:
    """elapsed_s: for all files. cpu_s: of the contender's processes meanwhile."""

    elapsed_s: float
    cpu_s: float
    latencies_s: list[float]


@dataclass
class Contender:
    """A running contender. ready_s, ready_cpu_s: from its start until it could answer, by the clock and of CPUs."""

    name: str
    process: subprocess.Popen[str]
    port: int
    ready_s: float
    ready_cpu_s: float
    labels: set[str] = field(default_factory=set)

    def classify(self, path: Path, files: int, clients: int, workers: int) -> Round:
        """The file, so often, from so many clients at a time; without HTTP from `workers` threads at most."""
        before_s = cpu_s(self.process.pid)
        if self.port:
            elapsed_s, latencies_s = self._requests(path.read_bytes(), files, clients)
        else:
            elapsed_s, latencies_s = self._calls(path, files, min(clients, workers))
        return Round(elapsed_s, cpu_s(self.process.pid) - before_s, latencies_s)

    def _calls(self, path: Path, files: int, threads: int) -> tuple[float, list[float]]:
        stdin, stdout = cast(TextIO, self.process.stdin), cast(TextIO, self.process.stdout)
        stdin.write(f"{files} {threads} {path}\n")
        stdin.flush()
        told = json.loads(stdout.readline())
        self.labels.update(told["labels"])
        return told["elapsed_s"], told["latencies_s"]

    def _requests(self, data: bytes, files: int, clients: int) -> tuple[float, list[float]]:
        body = _form(data)
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        idle: list[http.client.HTTPConnection] = []

        def request() -> None:
            connection = idle.pop() if idle else http.client.HTTPConnection(HOST, self.port, timeout=600)
            connection.request("POST", "/classify", body, headers)
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                sys.exit(f"{self.name} answered {response.status}: {text[:500]!r}")
            self.labels.add(json.loads(text)["predictions"][0]["label"])
            idle.append(connection)

        try:
            return in_threads(request, files, clients)
        finally:
            for connection in idle:
                connection.close()


@contextlib.contextmanager
def running(name: str, workers: int, folder: Path, python: str = sys.executable) -> Iterator[Contender]:
    """A contender, ready; it ends with the block. python: what runs it."""
    port = 0 if name == BARE else _free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AUDIOCNN_")}
    if name.startswith(SERVICE):
        processes = 1 if name == SERVICE else workers
        environment |= {
            "AUDIOCNN_PROCESSES": str(processes),
            "AUDIOCNN_WORKERS": str(workers // processes),
            "AUDIOCNN_MAX_QUEUE": "64",
            "AUDIOCNN_JOBS_DIR": str(folder / "jobs"),
            "AUDIOCNN_DRAIN_S": "0",
        }
        command = ["-m", "service", "--port", str(port)]
    else:
        peer = "bare" if name == BARE else name
        command = [str(ROOT / "benchmarks/serving_peers.py"), peer, "--port", str(port), "--workers", str(workers)]
    log = folder / f"{name}.log"
    started = time.perf_counter()
    with log.open("w") as errors:
        process = subprocess.Popen(
            [python, *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if name == BARE else errors,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    try:
        _wait_until_ready(name, process, port, log)
        yield Contender(name, process, port, time.perf_counter() - started, cpu_s(process.pid))
    finally:
        _end(process)


def _wait_until_ready(name: str, process: subprocess.Popen[str], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    if not port:
        cast(TextIO, process.stdout).readline()
        return
    path = {"fastapi-torch": "/ready", "litserve": "/health", "ray-serve": "/-/healthz"}.get(name, "/readyz")
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{name} did not start:\n{log.read_text()[-3000:]}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.01)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its own session, see `running`
    process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _form(data: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x.wav"\r\n'
    return head.encode() + b"Content-Type: audio/wav\r\n\r\n" + data + f"\r\n--{_BOUNDARY}--\r\n".encode()


def music() -> bytes:
    """A WAV file of chords in noise, and loud enough to be no silence."""
    random = np.random.default_rng(0)
    seconds = np.arange(SECONDS * RATE) / RATE
    notes = 220 * 2 ** (random.integers(0, 24, (SECONDS, 3)) / 12)
    pitches = notes.repeat(RATE, axis=0)
    sound = np.sin(2 * np.pi * pitches * seconds[:, None]).sum(1) / 8 + 0.02 * random.standard_normal(len(seconds))
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def row(name: str, clients: int, rounds: Sequence[Round], files: int) -> dict[str, float | str | int]:
    """What the rounds say; latencies are of all of them."""
    latencies_ms = 1000 * np.concatenate([one.latencies_s for one in rounds])
    return {
        "contender": name,
        "concurrency": clients,
        "files_s": max(files / one.elapsed_s for one in rounds),
        "cpu_ms": 1000 * statistics.median(one.cpu_s / files for one in rounds),
        **{f"p{q}_ms": float(np.percentile(latencies_ms, q)) for q in (50, 95, 99)},
    }


def table(rows: Sequence[Mapping[str, float | str | int]]) -> str:
    """Markdown. The shares are the service's over the contender's: of files a second, and a second of CPU."""
    lines = [
        "| clients | contender | files/s | service / it | CPU ms a file | service / it | p50 ms | p95 ms | p99 ms |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    ours = {one["concurrency"]: one for one in rows if one["contender"] == SERVICE}
    for one in rows:
        own = ours[one["concurrency"]]
        cells = [
            one["concurrency"],
            one["contender"],
            f"{one['files_s']:.1f}",
            f"{own['files_s'] / one['files_s']:.2f}",
            f"{one['cpu_ms']:.0f}",
            f"{one['cpu_ms'] / own['cpu_ms']:.2f}",
            *(f"{one[name]:.0f}" for name in ("p50_ms", "p95_ms", "p99_ms")),
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def start_table(start: Sequence[Mapping[str, float | str]]) -> str:
    """Markdown: start and memory of each contender."""
    lines = ["| contender | ready after s | CPU s | largest process, MB | all, MB |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {one['contender']} | {one['ready_s']:.1f} | {one['ready_cpu_s']:.1f} | {one['largest_rss_mb']:.0f} "
        f"| {one['all_pss_mb']:.0f} |"
        for one in start
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="files at the same time")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, help="5, or 2 with --quick")
    parser.add_argument("--files", type=int, default=24, help="in a round; at least as many as there are clients")
    parser.add_argument("--concurrency", default="1,8,64", help="clients, separated by commas")
    parser.add_argument("--against", default="fastapi-torch,litserve,ray-serve", help="separated by commas")
    parser.add_argument(
        "--python", action="append", default=[], help="CONTENDER=PATH of the Python that has its package"
    )
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (2 if options.quick else 5)
    pythons = dict(given.split("=", 1) for given in options.python)
    names = [SERVICE, *([f"service, {options.workers} processes"] if options.workers > 1 else []), BARE]
    for peer in filter(None, options.against.split(",")):
        if peer not in pythons and importlib.util.find_spec(NEEDS.get(peer, "torch")) is None:
            print(f"{peer}: left out, {NEEDS.get(peer, 'torch')} is not installed", file=sys.stderr)
        else:
            names.append(peer)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path = Path(folder) / "x.wav"
        path.write_bytes(music())
        contenders = [
            stack.enter_context(running(name, options.workers, Path(folder), pythons.get(name, sys.executable)))
            for name in names
        ]
        for one in contenders:
            one.classify(path, 2 * options.workers, options.workers, options.workers)
        rows = []
        for clients in map(int, options.concurrency.split(",")):
            files = max(options.files, clients)
            rounds: dict[str, list[Round]] = {name: [] for name in names}
            for _ in range(options.rounds):
                for one in contenders:
                    rounds[one.name].append(one.classify(path, files, clients, options.workers))
            rows += [row(name, clients, rounds[name], files) for name in names]
        start = [
            {"contender": one.name, "ready_s": one.ready_s, "ready_cpu_s": one.ready_cpu_s}
            | dict(zip(("largest_rss_mb", "all_pss_mb"), memory_mb(one.process.pid), strict=True))
            for one in contenders
        ]
        heard = {one.name: sorted(one.labels) for one in contenders}
    if len(set(map(tuple, heard.values()))) > 1:
        print(f"the contenders do not agree on what they heard: {heard}", file=sys.stderr)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {options.workers} workers\n")
    print(f"{table(rows)}\n\n{start_table(start)}")
    if options.json:
        options.json.write_text(json.dumps({"workers": options.workers, "rows": rows, "start": start}, indent=1))


if __name__ == "__main__":
    main()
