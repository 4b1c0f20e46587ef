"""Where and with what a run is trained: a line of JSON in its folder for each start."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import audiocnn
from training.data.journal import Journal
from training.distributed import Process

STARTS = "starts.jsonl"


def note_start(run: Path, data: Path, process: Process) -> None:
    """Add a line to `run/starts.jsonl`: time, data folder, machine, versions, and the commit of the code if known."""
    cuda = process.device.type == "cuda"
    line = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": str(data.resolve()),
        "device": torch.cuda.get_device_name(process.device) if cuda else "CPU",
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": process.world_size,
        "audiocnn": audiocnn.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "commit": _commit(),
    }
    with (run / STARTS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def read_starts(run: Path) -> list[dict[str, Any]]:
    """What `note_start` wrote, first start first; nothing for a run from before it did."""
    return list(Journal(run / STARTS).entries())


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str | None:
    """The commit the code is at, with `-dirty` behind it if files differ from it; None outside of a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
