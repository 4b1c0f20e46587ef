"""The progress bar shows what it is told and keeps off standard output."""

import io
import sys

from rich.console import Console

from audiocnn.cli.progress import progress_bar


def test_the_bar_counts_files_and_failures_and_leaves_standard_output_alone(capsys):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)
    with progress_bar(terminal, total=3) as tick:
        for failures in (0, 1, 1):
            tick(failures)
        sys.stdout.write("a row")
    shown = terminal.file.getvalue()
    assert "3/3" in shown
    assert "1 failed" in shown
    assert "a row" not in shown
    assert capsys.readouterr().out == "a row"
