"""What the tests of all corpora need: a manifest's rows, and the real corpora where they are."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

Rows = Callable[[Path], list[dict[str, str]]]


@pytest.fixture
def rows_of() -> Rows:
    """The rows of the manifest in a corpus folder."""

    def read(folder: Path) -> list[dict[str, str]]:
        with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture
def real() -> Callable[[str], Path]:
    """The folder of a real corpus below AUDIOCNN_CORPORA; the test is skipped where there is none."""

    def find(name: str) -> Path:
        folder = Path(os.environ.get("AUDIOCNN_CORPORA", "corpora")) / name
        if not folder.is_dir():
            pytest.skip(f"no {folder}: set AUDIOCNN_CORPORA to the folder that holds {name}/ as published")
        return folder

    return find
