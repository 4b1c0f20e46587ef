"""docs/lectures.md: its code blocks print what stands below them, and what it names is there."""

import contextlib
import io
import re
from pathlib import Path

import pytest
import torch

from audiocnn import models

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/lectures.md").read_text()
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?", re.M | re.S)


def test_every_block_prints_what_stands_below_it():
    """In one session, in the order of the page."""
    session = {"__name__": "lectures"}
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) == PAGE.count("```python") > 10
    assert PAGE.count("```") == 2 * sum(1 + bool(output) for _, output in blocks)
    with torch.random.fork_rng():
        for number, (code, expected) in enumerate(blocks, 1):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, f"block {number} of docs/lectures.md", "exec"), session)
            assert printed.getvalue() == expected, f"block {number}:\n{code}"


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", PAGE))
def test_links_lead_to_files(link):
    assert (ROOT / "docs" / link).exists()


def test_the_table_names_networks_that_are_there():
    section = PAGE.split("## The networks")[1].split("\n\nAll of them")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")][1:]
    named = [name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row[2])]
    assert len(rows) == 9
    assert set(named) - {"genre"} <= set(models.names())
    inspected = re.findall(r"audiocnn inspect ([a-z0-9-]+)", "".join(row[3] for row in rows))
    assert set(inspected) <= set(named)
