"""The commands that train: alone, over folds, and what comes after."""

import sys
from pathlib import Path

import click
import torch

from audiocnn.export import export_onnx
from training.cli.options import (
    FILE,
    FOLDER,
    cache_option,
    common,
    data_folder,
    device_option,
    log_option,
    seeds_option,
)
from training.config import load_config
from training.crossval import cross_validate, table
from training.distributed import join
from training.dry_run import dry_run as try_out
from training.loop import train
from training.overfit import overfit_batch as overfit
from training.publish import publish


@click.command("train")
@common
@cache_option
@click.option("--run", type=FOLDER, help="Where the run goes; a stopped run there goes on.  [default: runs/NAME]")
@click.option("--fold", help="Leave this fold out as test set.")
@click.option("--dry-run", is_flag=True, help="Only try everything up to one step and one validation; keep nothing.")
@click.option("--overfit-batch", is_flag=True, help="Only see whether one batch can be learned; keep nothing.")
@log_option
@device_option
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
def train_command(
    config: Path,
    data: Path | None,
    cache: Path,
    run: Path | None,
    fold: str | None,
    dry_run: bool,
    overfit_batch: bool,
    log: tuple[str, ...],
    overrides: tuple[str, ...],
    device: str,
    threads: int | None,
) -> None:
    """Train a model as CONFIG says and export it."""
    if dry_run and overfit_batch:
        raise click.UsageError("--dry-run and --overfit-batch are two things: choose one")
    settings = load_config(config, overrides)
    data = data_folder(data, settings, config)
    if threads:
        torch.set_num_threads(threads)
    with join(device) as process:
        if dry_run:
            for line in try_out(settings, data, cache, process, fold):
                if process.is_first:
                    click.echo(line)
            return
        if overfit_batch:
            outcome = overfit(settings, data, cache, process, fold)
            if process.is_first:
                click.echo(str(outcome))
            sys.exit(0 if outcome.learned else 1)
        model = train(settings, data, run or Path("runs") / settings.name, cache, process, fold, log)
        if process.is_first:
            export_onnx(model)
            click.echo(f"trained: {model}\ntry it: audiocnn classify --model {model} SONG.wav")


@click.command("crossval")
@common
@cache_option
@click.option("--run", type=FOLDER, help="Where the runs go.  [default: runs/NAME-crossval]")
@seeds_option()
@click.option("--folds", help="Only these folds, separated by commas.  [default: all]")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Trainings at once.")
@log_option
@device_option
def crossval_command(
    config: Path,
    data: Path | None,
    cache: Path,
    run: Path | None,
    seeds: list[int],
    folds: str | None,
    overrides: tuple[str, ...],
    jobs: int,
    log: tuple[str, ...],
    device: str,
) -> None:
    """Train and test once for each fold; print a table and write crossval.json."""
    settings = load_config(config, overrides)
    data = data_folder(data, settings, config)
    results = cross_validate(
        settings,
        data,
        run or Path("runs") / f"{settings.name}-crossval",
        cache,
        seeds=seeds,
        folds=[fold.strip() for fold in folds.split(",")] if folds else [],
        jobs=jobs,
        device=device,
        trackers=log,
    )
    click.echo("\n".join(table(results)))


@click.command("publish")
@click.argument("model", type=FOLDER)
@click.argument("destination", type=FOLDER)
@click.option("--version", required=True, help="What the published model reports as its version.")
@click.option("--crossval", type=FILE, help="Its recipe's crossval.json.")
def publish_command(model: Path, destination: Path, version: str, crossval: Path | None) -> None:
    """Make the model directory MODEL one to hand out, in DESTINATION."""
    publish(model, destination, version, crossval)
    click.echo(f"published: {destination}")
