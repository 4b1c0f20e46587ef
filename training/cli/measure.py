"""The commands that measure models, and calibrate them."""

import json
from pathlib import Path

import click

from audiocnn import checkpoint
from audiocnn.pretrained import resolve
from training.answers import ANSWERS
from training.baselines.run import KINDS, SVM, measure_baseline
from training.calibrate import calibrate, check_accuracy, on_crossval, on_validation
from training.cli.options import FILE, FOLDER, cache_option, common, data_folder
from training.config import load_config
from training.crossval import table
from training.data.manifest import read_clips
from training.data.split import SPLITS, clips_in, clips_of
from training.evaluate import answer
from training.loop import MODEL, trained_clips
from training.metrics import measure_tasks
from training.reliability import all_reliability
from training.robustness import measure_changes


@click.command("evaluate")
@common
@click.option("--model", help="A bundled model's name or a model directory.  [default: that of --run, or genre]")
@click.option("--run", type=FOLDER, help="A run: measure its model, and keep its answers there for `report`.")
@click.option("--fold", help="Only the clips of this fold.")
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Only the clips of this split: the manifest's, or that of the model's training.",
)
def evaluate_command(
    config: Path,
    data: Path | None,
    overrides: tuple[str, ...],
    model: str | None,
    run: Path | None,
    fold: str | None,
    split: str | None,
) -> None:
    """Measure a trained model on labelled clips."""
    if model and run:
        raise click.UsageError("--run has a model of its own: give either --run or --model")
    settings = load_config(config, overrides)
    data = data_folder(data, settings, config)
    clips = read_clips(data, settings.data, settings.input.media, settings.side_tasks)
    directory = resolve(run / MODEL if run else model or "genre")
    if split is not None:
        clips = clips_in(clips, split, settings, checkpoint.read_spec(directory))
    if fold is not None:
        clips = clips_of(clips, fold)
    answered, spec = answer(directory, clips, data, max_unreadable=settings.data.max_unreadable)
    if run:
        answered.save(run / ANSWERS)
    known = trained_clips(run or Path(model or "").parent) & set(answered.clips)
    if known:
        click.echo(
            f"{len(known)} of these {len(answered.clips)} clips are among those that the model was trained on: the "
            "figures are too good; measure others with --fold or --split",
            err=True,
        )
    scores = answered.scores(spec.tasks)
    metrics = measure_tasks(scores, answered.targets, spec.tasks, settings.merge)
    calibration = all_reliability(scores, answered.targets, spec.tasks)
    click.echo(json.dumps({**metrics, "calibration": calibration}, indent=1))


@click.command("calibrate")
@common
@click.option("--model", type=FOLDER, required=True, help="The model directory to calibrate.")
@click.option(
    "--crossval",
    type=FILE,
    help="Take the answers of this crossval.json's models.  [default: the model's, for its validation clips]",
)
@click.option(
    "--accuracy",
    type=click.FloatRange(0, 1),
    help="For a single label: let so uncertain answers be unknown that the rest has it.",
)
def calibrate_command(
    config: Path,
    data: Path | None,
    overrides: tuple[str, ...],
    model: Path,
    crossval: Path | None,
    accuracy: float | None,
) -> None:
    """Fit temperature and thresholds to clips a model was not trained on, and write them into its config.json.

    Prints what was fitted and how it measures before and after, each clip with what was fitted on others.
    """
    settings = load_config(config, overrides)
    check_accuracy(checkpoint.read_spec(model).task, accuracy)  # before the model answers for an hour
    if crossval is not None:
        held_out = on_crossval(crossval)
    else:
        held_out = on_validation(settings, data_folder(data, settings, config), model)
    click.echo(json.dumps(calibrate(model, held_out, accuracy), indent=1))


@click.command("robustness")
@common
@click.option("--run", type=FOLDER, help="The run of a cross-validation.  [default: runs/NAME-crossval]")
def robustness_command(config: Path, data: Path | None, overrides: tuple[str, ...], run: Path | None) -> None:
    """Test a cross-validation's models on changed recordings: levels, equalisers, masters, encoders."""
    settings = load_config(config, overrides)
    data = data_folder(data, settings, config)
    results = measure_changes(settings, data, run or Path("runs") / f"{settings.name}-crossval")
    metrics = [name for name, value in next(iter(results.values())).items() if isinstance(value.get("mean"), float)]
    click.echo(f"| change | {' | '.join(metrics)} |\n|{'---|' * (len(metrics) + 1)}")
    for name, values in results.items():
        cells = (f"{values[key]['mean']:.3f} ± {values[key]['deviation']:.3f}" for key in metrics)
        click.echo(f"| {name} | {' | '.join(cells)} |")


@click.command("baseline")
@common
@cache_option
@click.option("--kind", type=click.Choice(KINDS), default=SVM, show_default=True, help="Which method.")
@click.option(
    "-C",
    "c",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Regularisation of the SVM.",
)
def baseline_command(
    config: Path, data: Path | None, cache: Path, kind: str, overrides: tuple[str, ...], c: float
) -> None:
    """A simpler or better known method on the same folds or split; JSON on standard output.

    \b
    mfcc-svm       MFCC statistics and a support vector machine, for one label
    mfcc-ridge     the same and a ridge regression, for quantities, shares and several labels
    librosa-tempo  the strongest period that librosa finds, for a tempo
    mean           the mean of the training clips, whatever the sound
    mel-cnn        a 2D CNN on log-mel spectrograms, with the recipe's epochs and batches
    """
    settings = load_config(config, overrides)
    results = measure_baseline(settings, data_folder(data, settings, config), cache, kind, c)
    click.echo("\n".join(table(results)), err=True)
    click.echo(json.dumps(results, indent=1))
