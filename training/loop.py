"""The training loop, to read in one sitting: batches, steps, averaged weights, validation, and the state of a run."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from audiocnn import checkpoint
from audiocnn.spec import MAIN, ModelSpec
from training import state
from training.config import Config
from training.distributed import Process
from training.history import History
from training.losses import Losses
from training.optim import Ema, learning_rate, make_optimizer
from training.prefetch import Prefetcher
from training.pretrained import origin
from training.progress import progress_bar
from training.provenance import note_start
from training.run_directory import held
from training.setup import Setup, answering, fresh_network, prepare
from training.step import Step
from training.stopping import Stopped, stop_signals
from training.trackers import require
from training.validation import validate

logger = logging.getLogger(__name__)

MODEL = "model"
_READ_LOSSES_EVERY = 10  # steps


def train(
    config: Config,
    data: Path,
    run: Path,
    cache_directory: Path,
    process: Process,
    fold: str | None,
    trackers: Sequence[str] = (),
) -> Path:
    """Train a model and keep it in `run/model`; a run that was stopped goes on after its last saved step.

    data: the folder of clips. fold: held out as test set, not looked at here. trackers: services to tell of each epoch.
    Returns the model directory. Raises `ConfigError` for illegal data or configuration, and if another process trains
    in `run`; `MissingExtraError` for a tracker that is not installed; `CheckpointError` if `run` holds another run,
    be it of the same files with other labels or sound, or the disk is full; `AudioCnnError` if a loss, a gradient, a
    weight or an answer is no number any more; `Stopped` after SIGTERM or Ctrl-C, when the step at work is done and the
    state saved.
    """
    require(trackers)
    setup = prepare(config, data, cache_directory, process, fold)
    batches, train_config = setup.batches, config.train
    total_steps = train_config.epochs * batches.steps_per_epoch
    network = fresh_network(config, setup, process)
    ema = Ema(network, train_config.ema)
    optimizer = make_optimizer(network, train_config)
    begun_with = origin(config.model)
    fingerprint = _fingerprint(config, setup, fold, begun_with)
    validation = [setup.name(clip) for clip in setup.split.validation]

    with held(run, process):
        progress = state.load_state(run, network, ema, optimizer, fingerprint)
        if process.is_first and _is_complete(progress, config):
            logger.warning("%s: nothing to train, this run is complete", run)
        elif process.is_first:
            note_start(run, data, process)
        done = progress.epoch * batches.steps_per_epoch + progress.step
        step = Step(network, optimizer, setup, config, process)
        losses = Losses(run, setup, process)
        with (
            stop_signals(alone=process.world_size == 1) as stop,
            progress_bar(visible=process.is_first) as bar,
            History(run, progress.epoch, process, trackers, config) as history,
            Prefetcher(batches, process, done, total_steps) as prefetcher,
        ):
            bar_task = bar.add_task(run.name, total=total_steps, completed=done, note="")
            saved = time.monotonic()
            while not _is_complete(progress, config):
                while progress.step < batches.steps_per_epoch:
                    started = time.perf_counter()
                    batch, waited = prefetcher.take()
                    rate = learning_rate(done, total_steps, train_config)
                    losses.add(done, rate, step.take(batch, done, rate), step.gradient_norm)
                    ema.update(network, done)
                    done, progress.step = done + 1, progress.step + 1
                    save_due = process.is_first and time.monotonic() - saved >= train_config.save_every_s
                    signum, save = process.highest(stop.signum, save_due)
                    if signum or save or len(losses) == _READ_LOSSES_EVERY or progress.step == batches.steps_per_epoch:
                        progress.loss_sum = losses.read(progress.loss_sum, ema.weights.values())
                    progress.seconds += time.perf_counter() - started
                    progress.waited += waited
                    bar.update(bar_task, advance=1)
                    if process.is_first and (signum or save):
                        state.save_state(run, network, ema, optimizer, progress, fingerprint, validation)
                        saved = time.monotonic()
                    if signum:
                        process.wait_for_others()  # a launcher kills the rest when the first one ends
                        raise Stopped(signum, f"after step {done} of {total_steps}")
                row: dict[str, Any] = {"epoch": progress.epoch + 1, "train_loss": progress.loss_sum / progress.step}
                row |= {"lr": learning_rate(done - 1, total_steps, train_config), "seconds": round(progress.seconds, 3)}
                row["data_wait"] = round(progress.waited / progress.seconds, 4)
                progress = replace(progress, epoch=progress.epoch + 1, step=0, loss_sum=0.0, seconds=0.0, waited=0.0)
                note = f"waited for data {100 * row['data_wait']:.1f} %"
                measured: dict[str, Any] = {}
                process.copy_from_first(ema.weights.values())  # norms have statistics of each process's own batches
                with ema.applied_to(network):
                    model = answering(network, config, setup)
                    if setup.split.validation:
                        measured = validate(model, config, setup, setup.split.validation, process)
                        note = f"validation loss {measured['loss']:.3f}, {note}"
                    better = not measured or measured["loss"] < progress.best_loss
                    if measured and better:
                        progress.best_loss, progress.best_epoch = measured["loss"], progress.epoch
                    if process.is_first and (better or train_config.keep == "last"):
                        spec = _spec(config, setup, progress, fold, measured, begun_with)
                        checkpoint.save(run / MODEL, spec, model)
                bar.update(bar_task, note=note)
                if process.is_first:
                    history.write(row | {"validation": measured})
                    state.save_state(run, network, ema, optimizer, progress, fingerprint, validation)
                    saved = time.monotonic()
    return run / MODEL


def _is_complete(progress: state.Progress, config: Config) -> bool:
    """Whether all epochs are done, or as many without a better one as the run waits for."""
    waits = progress.epoch - progress.best_epoch
    out_of_patience = config.train.keep == "best" and bool(progress.best_epoch) and waits >= config.train.patience
    return progress.epoch >= config.train.epochs or out_of_patience


def _fingerprint(config: Config, setup: Setup, fold: str | None, begun_with: dict[str, Any]) -> str:
    """What must be the same in all parts of a run: of a pretrained model its weights, and not where they lie."""
    settings = config.to_json()
    del settings["train"]["save_every_s"], settings["train"]["data_on_device"], settings["model"]["pretrained"]
    labels = [task.labels for task in setup.tasks.values()]
    clips = [setup.name(clip) for clip in setup.split.train]
    return json.dumps([settings, labels, clips, fold, setup.content_hash(), begun_with])


def trained_clips(run: Path) -> frozenset[str]:
    """The names of the clips that the run was trained on, none if its state is not there to tell."""
    config = state.noted(run, "config")
    return frozenset(config[2] if config else ())


def validation_clips(run: Path) -> frozenset[str]:
    """The names of the clips that the run was validated on, none if its state is not there to tell."""
    return frozenset(state.noted(run, "validation") or ())


def _spec(
    config: Config,
    setup: Setup,
    progress: state.Progress,
    fold: str | None,
    measured: dict[str, Any],
    begun_with: dict[str, Any],
) -> ModelSpec:
    training = {
        "recipe": config.to_json(),
        "clips": len(setup.split.train),
        "epochs": progress.epoch,
        "test_fold": fold,
        "torch": torch.__version__,
    }
    if begun_with:
        training["pretrained"] = begun_with
    return ModelSpec(
        name=config.name,
        version="0",
        architecture=config.model.architecture,
        arguments=config.model.arguments,
        input=config.input,
        task=setup.tasks[MAIN],
        side_tasks={name: task for name, task in setup.tasks.items() if name != MAIN},
        licence=config.licence,
        training=training,
        metrics={"validation": measured} if measured else {},
    )
