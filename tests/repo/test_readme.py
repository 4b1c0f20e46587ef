"""What README.md shows works: its marked code blocks run. The table of settings in docs/operations.md is complete.

A block is run if the line above its fence is `<!-- test: python -->`, `<!-- test: shell -->` (bash) or
`<!-- test: server -->` (bash, with a service running at the address that the block names). Each runs in a folder of
its own that holds `song.wav`, with two more recordings `music/`, and the examples of `docs/`.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Settings

README = (Path(__file__).parents[2] / "README.md").read_text()
KINDS = ("python", "shell", "server")
ADDRESS = "127.0.0.1:8000"
START_LIMIT_S = 60


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^<!-- test: {kind} -->\n+```\w+\n(.*?)^```$", text, re.M | re.S)


@pytest.fixture
def folder(song: Path, tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir()
    for copy in ("song.wav", "music/first.wav", "music/second.wav"):
        shutil.copy(song, tmp_path / copy)
    shutil.copytree(Path(__file__).parents[2] / "docs" / "examples", tmp_path / "docs" / "examples")
    return tmp_path


@pytest.fixture(scope="module")
def server_address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a real service listens, as `127.0.0.1:port`."""
    log = tmp_path_factory.mktemp("service") / "log"
    command = [sys.executable, "-m", "service", "--port", "0"]
    with log.open("w") as output, subprocess.Popen(command, cwd=root, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + START_LIMIT_S
            while not (found := re.search(r"http://(127\.0\.0\.1:\d+)", log.read_text())):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield found[1]
        finally:
            process.kill()


def run(command: list[str], folder: Path) -> None:
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"


def test_every_marker_stands_above_a_block_and_every_kind_has_one() -> None:
    found = {kind: len(blocks(README, kind)) for kind in KINDS}

    assert all(found.values()), found
    assert README.count("<!-- test:") == sum(found.values())


@pytest.mark.parametrize("code", blocks(README, "python"))
def test_python_blocks_run(code: str, folder: Path) -> None:
    run([sys.executable, "-W", "error", "-c", code], folder)


@pytest.mark.parametrize("code", blocks(README, "shell"))
def test_shell_blocks_run(code: str, folder: Path) -> None:
    run(["bash", "-euo", "pipefail", "-c", code], folder)


@pytest.mark.parametrize("code", blocks(README, "server"))
def test_server_blocks_run(code: str, folder: Path, server_address: str) -> None:
    if "curl" in code and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    assert ADDRESS in code
    run(["bash", "-euo", "pipefail", "-c", code.replace(ADDRESS, server_address)], folder)


def test_every_setting_of_the_service_is_documented_and_no_other() -> None:
    page = Path(__file__).parents[2] / "docs" / "operations.md"
    documented = set(re.findall(r"^\| `(AUDIOCNN_[A-Z0-9_]+)`", page.read_text(), re.M))

    assert documented == {f"AUDIOCNN_{name.upper()}" for name in Settings.model_fields}
