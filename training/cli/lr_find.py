"""The command that looks for a learning rate."""

from pathlib import Path

import click

from audiocnn.errors import MissingExtraError
from training.cli.options import FILE, cache_option, common, data_folder, device_option
from training.config import load_config
from training.distributed import join
from training.lr_find import plot, rows, suggested_rate, sweep_rates


@click.command("lr-find")
@common
@cache_option
@click.option("--fold", help="Leave this fold out as test set.")
@device_option
@click.option("--steps", type=click.IntRange(20), default=200, show_default=True, help="Steps of the sweep.")
@click.option("--plot", "picture", type=FILE, help="PNG.  [default: runs/NAME-lr.png]")
def lr_find_command(
    config: Path,
    data: Path | None,
    cache: Path,
    fold: str | None,
    overrides: tuple[str, ...],
    device: str,
    steps: int,
    picture: Path | None,
) -> None:
    """Suggest a learning rate from a sweep over many, a step for each."""
    settings = load_config(config, overrides)
    data = data_folder(data, settings, config)
    with join(device) as process:
        points = sweep_rates(settings, data, cache, process, fold, steps)
        if not process.is_first:
            return
        suggested = suggested_rate(points)
        click.echo("| lr | loss |\n|---|---|")
        for rate, loss in rows(points):
            click.echo(f"| {rate:.1e} | {loss:.3f} |")
        click.echo(
            f"suggested: --set train.lr={suggested:.2g}, a tenth of where the loss was lowest; "
            f"{config} has {settings.train.lr:g}"
        )
        picture = picture or Path("runs") / f"{settings.name}-lr.png"
        try:
            plot(points, suggested, picture)
            click.echo(f"drawn: {picture}")
        except MissingExtraError as error:
            click.echo(f"not drawn: {error}")
