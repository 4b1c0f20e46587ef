"""The commands of `python -m training`."""

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from audiocnn.errors import AudioCnnError, ConfigError
from audiocnn.export import export_onnx
from training.answers import ANSWERS
from training.baseline import cross_validate_baseline
from training.calibrate import calibrate, on_crossval, on_validation
from training.config import Config, load_config
from training.corpora.commands import corpus
from training.crossval import cross_validate, table
from training.data.manifest import read_clips
from training.data.split import SPLITS, clips_in, clips_of
from training.distributed import join
from training.evaluate import answer
from training.loop import MODEL, train
from training.metrics import measure_tasks
from training.publish import publish
from training.reliability import all_reliability
from training.report.command import report
from training.robustness import measure_changes
from training.silence.command import silence
from training.stopping import Stopped

FOLDER = click.Path(file_okay=False, path_type=Path)


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments every command has."""
    command = click.option("--data", type=FOLDER, help="The folder of clips.  [default: data.root in CONFIG]")(command)
    return click.argument("config", type=click.Path(dir_okay=False, path_type=Path))(command)


_cache = click.option(
    "--cache", type=FOLDER, default=Path("cache"), show_default=True, help="Where decoded audio is kept."
)
_set = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Replace a setting of CONFIG, as in train.epochs=20."
)
_device = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to compute."
)


def _data_folder(data: Path | None, settings: Config, config: Path) -> Path:
    if data is None and not settings.data.root:
        raise ConfigError("which clips? Name their folder with --data, or as data.root in the configuration")
    return data or config.parent / settings.data.root


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Train 1D CNNs on raw waveforms.

    \b
    python -m training train training/recipes/folders.toml --data my-clips
    torchrun --nproc-per-node 2 -m training train training/recipes/genre.toml --data emotify
    python -m training crossval training/recipes/genre.toml --data emotify --jobs 2
    """


@commands.command("train")
@_common
@_cache
@click.option("--run", type=FOLDER, help="Where the run goes; a stopped run there goes on.  [default: runs/NAME]")
@click.option("--fold", help="Leave this fold out as test set.")
@_set
@_device
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
def train_command(
    config: Path,
    data: Path | None,
    cache: Path,
    run: Path | None,
    fold: str | None,
    overrides: tuple[str, ...],
    device: str,
    threads: int | None,
) -> None:
    """Train a model as CONFIG says and export it."""
    settings = load_config(config, overrides)
    data = _data_folder(data, settings, config)
    if threads:
        torch.set_num_threads(threads)
    with join(device) as process:
        model = train(settings, data, run or Path("runs") / settings.name, cache, process, fold)
        if process.is_first:
            export_onnx(model)
            click.echo(f"trained: {model}\ntry it: audiocnn classify --model {model} SONG.wav")


@commands.command("crossval")
@_common
@_cache
@click.option("--run", type=FOLDER, help="Where the runs go.  [default: runs/NAME-crossval]")
@click.option("--seeds", default="0", show_default=True, help="Seeds, separated by commas.")
@click.option("--folds", help="Only these folds, separated by commas.  [default: all]")
@_set
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Trainings at once.")
@_device
def crossval_command(
    config: Path,
    data: Path | None,
    cache: Path,
    run: Path | None,
    seeds: str,
    folds: str | None,
    overrides: tuple[str, ...],
    jobs: int,
    device: str,
) -> None:
    """Train and test once for each fold; print a table and write crossval.json."""
    settings = load_config(config, overrides)
    data = _data_folder(data, settings, config)
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"expected whole numbers such as 0,1,2, got {seeds!r}", param_hint="--seeds"
        ) from error
    results = cross_validate(
        settings,
        data,
        run or Path("runs") / f"{settings.name}-crossval",
        cache,
        seeds=numbers,
        folds=folds.split(",") if folds else [],
        jobs=jobs,
        device=device,
    )
    click.echo("\n".join(table(results)))


@commands.command("evaluate")
@_common
@click.option("--model", help="A bundled model's name or a model directory.  [default: that of --run, or genre]")
@click.option("--run", type=FOLDER, help="A run: measure its model, and keep its answers there for `report`.")
@click.option("--fold", help="Only the clips of this fold.")
@click.option("--split", type=click.Choice(SPLITS), help="Only the clips of this split.")
def evaluate_command(
    config: Path, data: Path | None, model: str | None, run: Path | None, fold: str | None, split: str | None
) -> None:
    """Measure a trained model on labelled clips."""
    if model and run:
        raise click.UsageError("--run has a model of its own: give either --run or --model")
    settings = load_config(config)
    data = _data_folder(data, settings, config)
    clips = read_clips(data, settings.data, settings.input.media, settings.side_tasks)
    if fold is not None:
        clips = clips_of(clips, fold)
    if split is not None:
        clips = clips_in(clips, split)
    answered, spec = answer(run / MODEL if run else model or "genre", clips, data)
    if run:
        answered.save(run / ANSWERS)
    scores = answered.scores(spec.tasks)
    metrics = measure_tasks(scores, answered.targets, spec.tasks, settings.merge)
    calibration = all_reliability(scores, answered.targets, spec.tasks)
    click.echo(json.dumps({**metrics, "calibration": calibration}, indent=1))


@commands.command("calibrate")
@_common
@click.option("--model", type=FOLDER, required=True, help="The model directory to calibrate.")
@click.option(
    "--crossval",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the answers of this crossval.json's models.  [default: the model's, for its validation clips]",
)
@click.option(
    "--accuracy", type=click.FloatRange(0, 1), help="Let so uncertain answers be unknown that the rest has it."
)
def calibrate_command(
    config: Path, data: Path | None, model: Path, crossval: Path | None, accuracy: float | None
) -> None:
    """Fit temperature and thresholds to clips a model was not trained on, and write them into its config.json.

    Prints what was fitted and how it measures before and after, each clip with what was fitted on others.
    """
    settings = load_config(config)
    if crossval is not None:
        held_out = on_crossval(crossval)
    else:
        held_out = on_validation(settings, _data_folder(data, settings, config), model)
    click.echo(json.dumps(calibrate(model, held_out, accuracy), indent=1))


@commands.command("robustness")
@_common
@click.option("--run", type=FOLDER, help="The run of a cross-validation.  [default: runs/NAME-crossval]")
def robustness_command(config: Path, data: Path | None, run: Path | None) -> None:
    """Test a cross-validation's models on changed recordings: levels, equalisers, masters, encoders."""
    settings = load_config(config)
    data = _data_folder(data, settings, config)
    results = measure_changes(settings, data, run or Path("runs") / f"{settings.name}-crossval")
    metrics = [name for name, value in next(iter(results.values())).items() if isinstance(value.get("mean"), float)]
    click.echo(f"| change | {' | '.join(metrics)} |\n|{'---|' * (len(metrics) + 1)}")
    for name, values in results.items():
        cells = (f"{values[key]['mean']:.3f} ± {values[key]['deviation']:.3f}" for key in metrics)
        click.echo(f"| {name} | {' | '.join(cells)} |")


@commands.command("baseline")
@_common
@_cache
@click.option("-C", "c", type=float, default=1.0, show_default=True, help="Regularisation of the SVM.")
def baseline_command(config: Path, data: Path | None, cache: Path, c: float) -> None:
    """MFCC statistics and an SVM on the same folds."""
    settings = load_config(config)
    folds = cross_validate_baseline(settings, _data_folder(data, settings, config), cache, c)
    summary: dict[str, Any] = {"folds": folds}
    for key in ("accuracy", "merged_accuracy"):
        if key in folds[0]:
            values = np.array([fold[key] for fold in folds])
            summary[key] = {"mean": float(values.mean()), "deviation": float(values.std())}
    click.echo(json.dumps(summary, indent=1))


@commands.command("publish")
@click.argument("model", type=FOLDER)
@click.argument("destination", type=FOLDER)
@click.option("--version", required=True, help="What the published model reports as its version.")
@click.option("--crossval", type=click.Path(dir_okay=False, path_type=Path), help="Its recipe's crossval.json.")
def publish_command(model: Path, destination: Path, version: str, crossval: Path | None) -> None:
    """Make the model directory MODEL one to hand out, in DESTINATION."""
    publish(model, destination, version, crossval)
    click.echo(f"published: {destination}")


commands.add_command(corpus)
commands.add_command(report)
commands.add_command(silence)


def main() -> None:
    """Run a command; what the user can mend is one line on standard error and exit code 2.

    A run stopped by a signal is one line as well, and as in shells 128 and its number: 143, or 130 for Ctrl-C.
    """
    logging.basicConfig(level=logging.INFO if "RANK" in os.environ else logging.WARNING, format="%(message)s")
    try:
        commands(prog_name="python -m training")
    except AudioCnnError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except Stopped as stopped:
        if os.environ.get("RANK", "0") == "0":  # once, not from every process
            click.echo(str(stopped), err=True)
        sys.exit(stopped.exit_code)
