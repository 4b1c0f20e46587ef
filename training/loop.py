"""The training loop, to read in one sitting: crops, augmentation, one step, averaged weights, validation, state."""

import inspect
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from audiocnn import checkpoint, models
from audiocnn.errors import AudioCnnError, ConfigError
from audiocnn.nn.heads import Heads
from audiocnn.spec import MAIN, ModelSpec, TaskSpec
from training import state
from training.config import Config
from training.data.batches import Batches
from training.data.cache import open_cache
from training.data.manifest import read_clips
from training.data.media import medium_of
from training.data.medium import Medium
from training.data.split import split_clips, usable
from training.data.store import store_of
from training.data.targets import tasks_of
from training.distributed import Process
from training.history import History
from training.optim import Ema, learning_rate, make_optimizer
from training.progress import progress_bar
from training.provenance import note_start
from training.stopping import Stopped, stop_signals
from training.validation import validate

MODEL = "model"


def train(config: Config, data: Path, run: Path, cache_directory: Path, process: Process, fold: str | None) -> Path:
    """Train a model and keep it in `run/model`; a run that was stopped goes on after its last saved step.

    data: the folder of clips. fold: held out as test set, not looked at here. Returns the model directory.
    Raises `ConfigError` for illegal data or configuration, `CheckpointError` if `run` holds another run, `Stopped`
    after SIGTERM or Ctrl-C, when the step at work is done and the state saved.
    """
    check_architecture(config)
    medium = medium_of(config)
    clips = read_clips(data, config.data, config.input.media, config.side_tasks)
    rules = config.data
    split = split_clips(
        clips, test_fold=fold, validation=rules.validation, seed=config.seed, allow_leaks=rules.allow_leaks
    )
    cache = open_cache(cache_directory, clips, medium, rules.max_unreadable)
    split = usable(split, cache, allow_leaks=rules.allow_leaks)
    tasks = tasks_of(config, clips, split.train)
    heads = Heads(tasks)
    store = store_of(cache, split.train, config.train.data_on_device, process.device)
    batches = Batches(store, medium, split.train, tasks, config)
    total_steps = config.train.epochs * batches.steps_per_epoch

    torch.manual_seed(config.seed)
    network = models.build(config.model.architecture, heads.num_outputs, config.model.arguments)
    network = network.to(process.device, memory_format=_memory_format(config.input.ndim))  # type: ignore[call-overload]
    ema = Ema(network, config.train.ema)
    optimizer = make_optimizer(network, config.train)
    settings = config.to_json()
    del settings["train"]["save_every_s"], settings["train"]["data_on_device"]  # may change between parts of a run
    fingerprint = json.dumps(
        [settings, [t.labels for t in tasks.values()], [str(c.path.relative_to(data)) for c in split.train], fold]
    )
    run.mkdir(parents=True, exist_ok=True)
    progress = state.load_state(run, network, ema, optimizer, fingerprint)
    if process.is_first and progress.epoch < config.train.epochs:
        note_start(run, data, process)
    stepped = DistributedDataParallel(network) if process.world_size > 1 else network

    with (
        stop_signals(process) as stop,
        progress_bar(visible=process.is_first) as bar,
        History(run, progress.epoch, process) as history,
    ):
        done = progress.epoch * batches.steps_per_epoch + progress.step
        bar_task = bar.add_task(run.name, total=total_steps, completed=done, note="")
        saved = time.monotonic()
        while progress.epoch < config.train.epochs and not _out_of_patience(progress, config):
            stepped.train()
            while progress.step < batches.steps_per_epoch:
                started = time.perf_counter()
                step = progress.epoch * batches.steps_per_epoch + progress.step
                rate = learning_rate(step, total_steps, config.train)
                batch = batches.batch(step, process.rank, process.world_size)
                progress.loss_sum += _step(stepped, optimizer, batch, medium, heads, config, step, rate, process)
                ema.update(network, step)
                progress.step += 1
                progress.seconds += time.perf_counter() - started
                bar.update(bar_task, advance=1)
                signal = stop.asked()
                if process.is_first and (signal or time.monotonic() - saved >= config.train.save_every_s):
                    state.save_state(run, network, ema, optimizer, progress, fingerprint)
                    saved = time.monotonic()
                if signal:
                    process.wait_for_others()  # a launcher kills the rest when the first one ends
                    raise Stopped(signal, step + 1, total_steps)
            done = (progress.epoch + 1) * batches.steps_per_epoch
            row: dict[str, Any] = {"epoch": progress.epoch + 1, "train_loss": progress.loss_sum / progress.step}
            row |= {"lr": learning_rate(done - 1, total_steps, config.train), "seconds": round(progress.seconds, 3)}
            progress = replace(progress, epoch=progress.epoch + 1, step=0, loss_sum=0.0, seconds=0.0)
            if process.is_first:
                measured: dict[str, Any] = {}
                with ema.applied_to(network):
                    if split.validation:
                        measured = validate(network, config, medium, split.validation, cache, tasks)
                        bar.update(bar_task, note=f"validation loss {measured['loss']:.3f}")
                    if not measured or measured["loss"] < progress.best_loss:
                        if measured:
                            progress.best_loss, progress.best_epoch = measured["loss"], progress.epoch
                        checkpoint.save(
                            run / MODEL, _spec(config, tasks, len(split.train), progress, fold, measured), network
                        )
                history.write(row | {"validation": measured})
                state.save_state(run, network, ema, optimizer, progress, fingerprint)
                saved = time.monotonic()
            _share(progress, process)
    return run / MODEL


def check_architecture(config: Config) -> None:
    """Raises `ConfigError` for a network that does not take the input, `UnknownModelError` for an unknown one."""
    model, spec = config.model, config.input
    entry = models.architecture(model.architecture)
    ndim = model.arguments.get("ndim", entry.ndim) if entry.any_ndim else entry.ndim
    channels = model.arguments.get("in_channels", entry.in_channels)
    if (ndim, channels) == (spec.ndim, spec.channels):
        return
    wrong: dict[str, int] = {"ndim": spec.ndim} if ndim != spec.ndim else {}
    wrong |= {"in_channels": spec.channels} if channels != spec.channels else {}
    mend = ""
    if wrong.keys() <= inspect.signature(entry.network).parameters.keys():
        mend = f"set {' and '.join(f'model.arguments.{name} = {value}' for name, value in wrong.items())}, or "
    raise ConfigError(
        f"model.architecture must take {spec.media} ({_axes(spec.ndim, spec.channels)}), {model.architecture!r} takes "
        f"{_axes(ndim, channels)}; {mend}choose one of {', '.join(models.names(spec.ndim))}"
    )


def _axes(ndim: int, channels: int) -> str:
    return f"{ndim} {'axis' if ndim == 1 else 'axes'}, {channels} {'channel' if channels == 1 else 'channels'}"


def _step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    medium: Medium,
    heads: Heads,
    config: Config,
    step: int,
    rate: float,
    process: Process,
) -> float:
    """One step of the optimiser; returns the loss. Raises `AudioCnnError` if that is no longer a number."""
    random = np.random.default_rng((config.seed, 2, step, process.rank))
    torch.manual_seed(int(random.integers(2**31)))  # for dropout and noise: the same after resuming
    windows, targets = (part.to(process.device, non_blocking=True) for part in batch)
    windows = medium.augment(windows, random)
    windows, targets = medium.mix(windows, targets, config.train, random)
    inputs = medium.model_input(windows).contiguous(memory_format=_memory_format(config.input.ndim))
    with torch.autocast(process.device.type, torch.bfloat16, enabled=config.train.precision == "bfloat16"):
        logits = network(inputs).float()
    side_weights = {name: task.weight for name, task in config.side_tasks.items()}
    loss = heads.loss(logits, targets, config.train.label_smoothing, side_weights=side_weights)
    if not torch.isfinite(loss):
        raise AudioCnnError(f"the loss became {loss.item()} at step {step}; lower train.lr or train.clip_grad")
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), config.train.clip_grad)
    optimizer.step()
    return loss.item()


def _out_of_patience(progress: state.Progress, config: Config) -> bool:
    return bool(progress.best_epoch) and progress.epoch - progress.best_epoch >= config.train.patience


def _spec(
    config: Config,
    tasks: Mapping[str, TaskSpec],
    clips: int,
    progress: state.Progress,
    fold: str | None,
    measured: dict[str, Any],
) -> ModelSpec:
    training = {
        "recipe": config.to_json(),
        "clips": clips,
        "epochs": progress.epoch,
        "test_fold": fold,
        "torch": torch.__version__,
    }
    return ModelSpec(
        name=config.name,
        version="0",
        architecture=config.model.architecture,
        arguments=config.model.arguments,
        input=config.input,
        task=tasks[MAIN],
        side_tasks={name: task for name, task in tasks.items() if name != MAIN},
        licence=config.licence,
        training=training,
        metrics={"validation": measured} if measured else {},
    )


def _memory_format(ndim: int) -> torch.memory_format:
    """The order of the axes in memory: channels last made steps over 2 and 3 axes 1.2 to 1.5 times as fast on a CPU."""
    return {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d}[ndim]


def _share(progress: state.Progress, process: Process) -> None:
    """Tell all processes what the first one measured, so that they stop together."""
    if process.world_size > 1:
        best = torch.tensor([progress.best_loss, progress.best_epoch], dtype=torch.float64, device=process.device)
        distributed.broadcast(best, src=0)
        progress.best_loss, progress.best_epoch = float(best[0]), int(best[1])
