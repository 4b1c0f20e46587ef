"""The command that looks for faults in a data set."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from training.cli.options import cache_option, common, data_folder
from training.config import load_config
from training.data.check import Report, check_data


@click.command("check")
@common
@cache_option
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def check_command(config: Path, data: Path | None, cache: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Report on the clips: missing and unreadable files, copies, leaks between splits and folds, labels.

    The exit code is 0 if there is no problem and 1 if there is one. What is decoded here need not be for training.
    """
    settings = load_config(config, overrides)
    report = check_data(data_folder(data, settings, config), settings, cache)
    if as_json:
        click.echo(json.dumps({"ok": report.ok, **asdict(report)}, indent=1))
    else:
        click.echo("\n".join(_lines(report)))
    if not report.ok:
        raise SystemExit(1)


def _lines(report: Report) -> Iterator[str]:
    sides = list(report.counts)
    yield f"| label | {' | '.join(sides)} |"
    yield "|---|" + "---:|" * len(sides)
    for label in report.counts["all"]:
        yield f"| {label or 'clips'} | {' | '.join(str(report.counts[side].get(label, 0)) for side in sides)} |"
    yield ""
    for finding in report.findings:
        about = f": {', '.join(finding.clips)}" if finding.clips else ""
        yield f"{'problem' if finding.problem else 'remark'}: {finding.text}{about}"
    problems = sum(finding.problem for finding in report.findings)
    yield f"{report.clips} clips, {problems} problems, {len(report.findings) - problems} remarks"
