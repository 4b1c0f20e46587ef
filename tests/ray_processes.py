"""What the tests with a real Ray ask of the system: its processes, and what they listen to."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_LISTENING = "0A"


def descendants(pid: int) -> dict[int, str]:
    """The processes below `pid`, with the titles that Ray gives them."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it has ended meanwhile
    found: dict[int, str] = {}
    below = {pid}
    while below := {child for child, parent in parents.items() if parent in below}:
        for child in below:
            try:
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
    return found


def replicas(pid: int) -> set[int]:
    """The processes of Ray Serve's replicas below `pid`."""
    return {child for child, title in descendants(pid).items() if title.startswith("ray::ServeReplica")}


def listening(pids: set[int]) -> dict[int, set[tuple[bool, int]]]:
    """For each process what it listens to: whether that is loopback, and the port."""
    sockets: dict[str, tuple[bool, int]] = {}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            host, port = fields[1].split(":")
            if fields[3] == _LISTENING:
                loopback = host.endswith(("0100007F", "00000000000000000000000001000000"))
                sockets[fields[9]] = (loopback, int(port, 16))
    found: dict[int, set[tuple[bool, int]]] = {}
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inode = re.match(r"socket:\[(\d+)\]", os.readlink(link))
            except OSError:
                continue
            if inode and inode[1] in sockets:
                found.setdefault(pid, set()).add(sockets[inode[1]])
    return found


@contextmanager
def short_folder() -> Iterator[Path]:
    """Ray puts sockets below it, whose paths may have 107 characters."""
    folder = tempfile.mkdtemp(prefix="ray-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ray_nodes(nodes: int, cpus: int) -> Iterator[tuple[str, list[int]]]:
    """A Ray cluster on loopback that asks for a token: its address, and of each node the process that it hangs on.

    The environment of this process is set for those who are to connect to it.
    """
    changed = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with pytest.MonkeyPatch.context() as patch, short_folder() as folder:
        for name, value in changed.items():
            patch.setenv(name, value)
        command = [sys.executable, "-m", "tests.ray_nodes", str(nodes), str(cpus)]
        environment = {**os.environ, "RAY_TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
        log = folder / "log"
        with (
            log.open("w") as err,
            subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True
            ) as process,
        ):
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text()
            address, *raylets = line.split()
            yield address, [int(pid) for pid in raylets]
