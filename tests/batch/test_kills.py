"""`kill -9` at any moment, of the run or of its children: in the end there is exactly one row for each file."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.audio_files import encoded, music, wav_bytes
from tests.batch.misbehaving import BLOCK_S, CRASHES, HANGS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")


def recordings(folder: Path, count: int, corrupt: int, bad: tuple[bytes, ...]) -> dict[str, bool]:
    """Files of several formats in folders, and for each path whether it can be classified."""
    sounds = [music(seconds=0.6, seed=seed) for seed in range(3)]
    good = [
        ("wav", wav_bytes(sounds[0])),
        *((kind, encoded(sounds[1], format=kind)) for kind in ("FLAC", "OGG", "MP3")),
    ]
    broken = [b"", b"no sound", good[0][1][:30], good[1][1][:50], good[2][1][:60]]
    contents = [(kind, data, True) for kind, data in (good[i % len(good)] for i in range(count - corrupt - len(bad)))]
    contents += [("mp3", broken[i % len(broken)], False) for i in range(corrupt)]
    contents += [("flac", data, False) for data in bad]
    random.Random(1).shuffle(contents)
    expected = {}
    for number, (kind, data, ok) in enumerate(contents):
        path = folder / f"{number % 7}" / f"{number:03d} ü.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        expected[str(path)] = ok
    return expected


def start(folder: Path, model: Path, out: Path, block_s: float) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.batch.misbehaving", "classify", "-r", "-q", folder, "-o", out]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), BLOCK_S: str(block_s)}
    return subprocess.Popen(
        [*map(str, command), "--model", str(model), "--workers", "2"], env=environment, stderr=subprocess.PIPE, cwd=ROOT
    )


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except OSError:
            continue
    return found


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def finished(process: subprocess.Popen) -> tuple[int, str]:
    _, err = process.communicate(timeout=300)
    return process.returncode, err.decode()


def check(out: Path, expected: dict[str, bool]) -> None:
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["path"] for row in rows] == sorted(expected, key=lambda path: path.split("/"))
    assert {row["path"]: row["status"] == "ok" for row in rows} == expected


def kill_at_random(
    expected: dict[str, bool], folder: Path, model: Path, tmp_path: Path, kills: int, block_s: float
) -> None:
    """Run to the end once to know how long that takes; then again and again with something killed on the way."""
    dice = random.Random(os.urandom(8).hex())
    out = tmp_path / "out.jsonl"
    started = time.monotonic()
    assert finished(start(folder, model, out, block_s)) == (1, "")
    whole_s = time.monotonic() - started
    check(out, expected)
    for number in range(kills):
        out.unlink()
        (tmp_path / "out.jsonl.journal").unlink()
        process = start(folder, model, out, block_s)
        for _ in range(dice.randint(1, 3)):
            time.sleep(dice.uniform(0, whole_s / 3))
            for child in dice.sample(below := children(process.pid), min(len(below), 1)):
                kill(child)
        if number % 3:
            kill(process.pid)
            orphans = children(process.pid)
            process.communicate()
            assert not out.exists() or sorted(json.loads(r)["path"] for r in out.open()) == sorted(expected)
            deadline = time.monotonic() + 60
            while any(Path(f"/proc/{orphan}").exists() for orphan in orphans):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process = start(folder, model, out, block_s)
        assert finished(process) == (1, "")
        check(out, expected)
        assert set(os.listdir(tmp_path)) == {"out.jsonl", "out.jsonl.journal", "music"}


def test_three_kills_over_forty_files(tmp_path, tiny_model):
    folder = tmp_path / "music"
    expected = recordings(folder, 40, 5, (CRASHES,))
    kill_at_random(expected, folder, tiny_model, tmp_path, kills=3, block_s=60)


@pytest.mark.slow
def test_twenty_kills_over_five_hundred_files(tmp_path, tiny_model):
    folder = tmp_path / "music"
    expected = recordings(folder, 500, 25, (HANGS, CRASHES))
    kill_at_random(expected, folder, tiny_model, tmp_path, kills=20, block_s=5)
