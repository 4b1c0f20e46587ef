"""The command that draws up a page about a run."""

from pathlib import Path

import click

from training.cli.options import EXISTING_FILE, EXISTING_FOLDER
from training.report.make import make_report


@click.command("report")
@click.argument("run", type=EXISTING_FOLDER)
@click.option(
    "--data", type=EXISTING_FOLDER, help="The folder of clips, for links.  [default: where they were in training]"
)
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    type=EXISTING_FILE,
    help="A baseline's JSON, to stand beside the model; may be given several times.",
)
def report_command(run: Path, data: Path | None, baselines: tuple[Path, ...]) -> None:
    """Draw up a page about RUN, a run's folder or a cross-validation's: RUN/report/index.html, and report.md."""
    click.echo(f"report: {make_report(run, data, baselines)}")
