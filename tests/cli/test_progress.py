"""Progress shows what it is told, now and then, and keeps off standard output."""

import io
import sys

import pytest
from rich.console import Console

from audiocnn.cli import progress, tally
from audiocnn.cli.progress import progress_bar, progress_lines
from audiocnn.cli.tally import Tally


@pytest.fixture
def clock(monkeypatch):
    """Ten seconds pass whenever `clock()` is called."""
    now = [1000.0]
    for module in (progress, tally):
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return lambda: now.__setitem__(0, now[0] + 10)


def test_the_bar_counts_files_and_failures_and_leaves_standard_output_alone(capsys):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    count = Tally(total=3)
    with progress_bar(terminal) as show:
        for ok in (True, False, True):
            count.add(ok=ok)
            show(count)
        sys.stdout.write("a row")
    shown = terminal.file.getvalue()
    assert "3/3" in shown
    assert "1 failed" in shown
    assert "a row" not in shown
    assert capsys.readouterr().out == "a row"


def test_rates_and_the_time_left_are_those_of_this_run(clock):
    count = Tally(total=1000)
    for _ in range(400):
        count.add(ok=True, fresh=False)
    assert count.line == "400 of 1000 files, 0 failed"
    for number in range(20):
        count.add(ok=number > 0, duration_s=180)
    clock()
    assert count.line == "420 of 1000 files, 2.0 files/s, 0.1 hours/s, 1 failed, 0:04:50 left"
    assert count.summary == "420 files (400 by an earlier run) in 10.0 s, 1 failed"


def test_without_a_total_nothing_is_said_of_the_rest(clock):
    count = Tally()
    count.add(ok=True)
    clock()
    assert count.line == "1 file, 0.1 files/s, 0 failed"
    assert count.summary == "1 file in 10.0 s, 0 failed"


def test_lines_come_every_half_minute(clock, capsys):
    count = Tally(total=9)
    with progress_lines() as show:
        for _ in range(7):
            clock()
            count.add(ok=True)
            show(count)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split()[0] for line in err.splitlines()] == ["3", "6"]
