"""Rules about the source files that no linter here checks."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ("audiocnn", "service", "training")
FOLDERS = (*PACKAGES, "tests", "docs", "benchmarks", "docker", ".ci")
SUFFIXES = {"", ".py", ".md", ".toml", ".yaml", ".Dockerfile", ".js", ".css", ".html"}
MAX_LINES = 500


def text_files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in (root / folder).rglob("*"):
            if path.is_file() and path.suffix in SUFFIXES:
                yield path
    for path in root.iterdir():
        if path.suffix in {".py", ".md", ".toml"} or path.name == "Makefile":
            yield path


def uses_of_pickle(source: str) -> list[str]:
    """The ways in which Python `source` could load a pickle: such a file runs code of whoever wrote it."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in {"pickle", "joblib", "dill", "cloudpickle"}]
        elif isinstance(node, ast.ImportFrom) and node.module in {"pickle", "joblib", "dill", "cloudpickle"}:
            found.append(node.module)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.load":
            found.append("torch.load")
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            found.append("allow_pickle")
    return found


def test_no_file_is_too_long_to_read_in_one_sitting(root: Path) -> None:
    lengths = {str(path.relative_to(root)): len(path.read_text().splitlines()) for path in text_files(root)}

    assert len(lengths) > 50
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_nothing_we_load_is_a_pickle(root: Path) -> None:
    sources = [path for package in PACKAGES for path in (root / package).rglob("*.py")]

    assert {str(path): uses for path in sources if (uses := uses_of_pickle(path.read_text()))} == {}


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from joblib import load", "torch.load(path)", "numpy.load(path, allow_pickle=True)"],
)
def test_the_check_for_pickle_sees_it(source: str) -> None:
    assert uses_of_pickle(source)


def test_the_check_for_pickle_lets_a_refusal_pass() -> None:
    assert uses_of_pickle("numpy.load(path, allow_pickle=False)") == []


def test_make_help_lists_every_target(root: Path) -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text(), re.M)
    run = subprocess.run(["make", "help"], check=True, capture_output=True, text=True, cwd=root)

    assert "serve" in targets
    assert re.findall(r"^  make (\S+) +\S", run.stdout, re.M) == targets
