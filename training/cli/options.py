"""Arguments and options that several commands share."""

from collections.abc import Callable
from pathlib import Path

import click

from audiocnn.errors import ConfigError
from training.config import Config
from training.trackers import TRACKERS

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
EXISTING_FILE = click.Path(dir_okay=False, exists=True, path_type=Path)

set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting of CONFIG, as in train.lr=0.001."
)


def common(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments every command about a recipe and its clips has: `config`, `data`, `overrides`."""
    command = set_option(command)
    command = click.option("--data", type=FOLDER, help="The folder of clips.  [default: data.root in CONFIG]")(command)
    return click.argument("config", type=FILE)(command)


def _seeds(context: click.Context, option: click.Parameter, text: str) -> list[int]:
    try:
        seeds = [int(seed) for seed in text.split(",")]
    except ValueError:
        seeds = []
    if not seeds or min(seeds) < 0:
        raise click.BadParameter(f"expected whole numbers such as 0,1,2, got {text!r}")
    return seeds


def seeds_option(default: str = "0") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option `seeds`, a list of whole numbers that are not negative."""
    return click.option(
        "--seeds", callback=_seeds, default=default, show_default=True, help="Seeds, separated by commas."
    )


cache_option = click.option(
    "--cache", type=FOLDER, default=Path("cache"), show_default=True, help="Where decoded audio is kept."
)
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to compute."
)
log_option = click.option(
    "--log", type=click.Choice(TRACKERS), multiple=True, help="Tell this service of each epoch as well."
)


def data_folder(data: Path | None, settings: Config, config: Path) -> Path:
    """The folder of clips: as the command line says, or the configuration. Raises `ConfigError` if neither does."""
    if data is None and not settings.data.root:
        raise ConfigError("which clips? Name their folder with --data, or as data.root in the configuration")
    return data or config.parent / settings.data.root
