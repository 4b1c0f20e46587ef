"""The training loop, to read in one sitting: crops, augmentation, one step, averaged weights, validation, state."""

import json
import logging
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from audiocnn import checkpoint, models
from audiocnn.audio.normalise import normalise_level
from audiocnn.audio.prepare import windows
from audiocnn.errors import AudioCnnError, ConfigError
from audiocnn.inference.classifier import scores_of
from audiocnn.spec import ModelSpec, TaskKind, TaskSpec
from training import state
from training.augment import augment, mix
from training.config import Config, ModelConfig
from training.data.cache import Cache, open_cache
from training.data.crops import Crops
from training.data.manifest import Clip, label_names, read_clips
from training.data.split import Split, split_clips
from training.distributed import Process
from training.metrics import measure
from training.optim import Ema, learning_rate, make_optimizer
from training.progress import progress_bar

logger = logging.getLogger(__name__)

MODEL = "model"
METRICS = "metrics.jsonl"


def train(config: Config, data: Path, run: Path, cache_directory: Path, process: Process, fold: str | None) -> Path:
    """Train a model and keep it in `run/model`; a run that was stopped goes on from its last epoch.

    data: the folder of clips. fold: held out as test set, not looked at here. Returns the model directory.
    Raises `ConfigError` for illegal data or configuration, `CheckpointError` if `run` holds another run.
    """
    check_architecture(config.model)
    clips = read_clips(data, config.data)
    labels = label_names(clips)
    split = split_clips(clips, test_fold=fold, validation=config.data.validation, seed=config.seed)
    cache = _shared_cache(cache_directory, clips, config, process)
    split = Split(cache.readable(split.train), cache.readable(split.validation), split.test)
    crops = Crops(cache, split.train, labels, config)
    total_steps = config.train.epochs * crops.steps_per_epoch

    torch.manual_seed(config.seed)
    network = models.build(config.model.architecture, len(labels), config.model.arguments).to(process.device)
    ema = Ema(network, config.train.ema)
    optimizer = make_optimizer(network, config.train)
    fingerprint = json.dumps([asdict(config), labels, [str(c.path.relative_to(data)) for c in split.train], fold])
    run.mkdir(parents=True, exist_ok=True)
    progress = state.load_state(run, network, ema, optimizer, fingerprint)
    stepped = DistributedDataParallel(network) if process.world_size > 1 else network
    task = TaskSpec(config.data.kind, labels)

    with progress_bar(visible=process.is_first) as bar, _Log(run, process) as log:
        bar_task = bar.add_task(run.name, total=total_steps, completed=progress.epoch * crops.steps_per_epoch, note="")
        while progress.epoch < config.train.epochs and not _out_of_patience(progress, config):
            started, losses = time.perf_counter(), []
            stepped.train()
            for step in range(progress.epoch * crops.steps_per_epoch, (progress.epoch + 1) * crops.steps_per_epoch):
                rate = learning_rate(step, total_steps, config.train)
                batch = crops.batch(step, process.rank, process.world_size)
                losses.append(_step(stepped, optimizer, batch, config, step, rate, process))
                ema.update(network, step)
                bar.update(bar_task, advance=1)
            progress.epoch += 1
            row: dict[str, Any] = {"epoch": progress.epoch, "train_loss": float(np.mean(losses)), "lr": rate}
            row["seconds"] = round(time.perf_counter() - started, 3)
            if process.is_first:
                measured: dict[str, Any] = {}
                with ema.applied_to(network):
                    if split.validation:
                        measured = validate(network, config, split.validation, cache, task)
                        bar.update(bar_task, note=f"validation loss {measured['loss']:.3f}")
                    if not measured or measured["loss"] < progress.best_loss:
                        if measured:
                            progress.best_loss, progress.best_epoch = measured["loss"], progress.epoch
                        checkpoint.save(
                            run / MODEL, _spec(config, task, len(split.train), progress, fold, measured), network
                        )
                row["validation"] = measured
                state.save_state(run, network, ema, optimizer, progress, fingerprint)
                log.write(row)
            _share(progress, process)
    return run / MODEL


def check_architecture(model: ModelConfig) -> None:
    """Raises `ConfigError` for a network that does not take mono sound, `UnknownModelError` for an unknown one."""
    entry = models.architecture(model.architecture)
    ndim = model.arguments.get("ndim", entry.ndim) if entry.any_ndim else entry.ndim
    channels = model.arguments.get("in_channels", entry.in_channels)
    if (ndim, channels) != (1, 1):
        mend = "set model.arguments.ndim = 1 and model.arguments.in_channels = 1, or " if entry.any_ndim else ""
        raise ConfigError(
            f"model.architecture must take sound (1 axis, 1 channel), {model.architecture!r} takes input with "
            f"ndim {ndim} and in_channels {channels}; {mend}choose one of {', '.join(models.names(1))}"
        )


def _step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    config: Config,
    step: int,
    rate: float,
    process: Process,
) -> float:
    """One step of the optimiser; returns the loss. Raises `AudioCnnError` if that is no longer a number."""
    random = np.random.default_rng((config.seed, 2, step, process.rank))
    torch.manual_seed(int(random.integers(2**31)))  # for dropout and noise: the same after resuming
    waveforms, targets = (part.to(process.device, non_blocking=True) for part in batch)
    waveforms = augment(waveforms, config.augment, config.input.sample_rate, random)
    if config.train.mixup:
        waveforms, targets = mix(waveforms, targets, config.train.mixup, random)
    logits = network(normalise_level(waveforms, config.input.normalisation)[:, None])
    loss = loss_of(logits, targets, config.data.kind, config.train.label_smoothing)
    if not torch.isfinite(loss):
        raise AudioCnnError(f"the loss became {loss.item()} at step {step}; lower train.lr or train.clip_grad")
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), config.train.clip_grad)
    optimizer.step()
    return loss.item()


def loss_of(logits: Tensor, targets: Tensor, kind: TaskKind, smoothing: float) -> Tensor:
    """Cross-entropy for `single_label` and binary cross-entropy for `multi_label`, targets smoothed."""
    if kind == "single_label":
        return F.cross_entropy(logits, targets, label_smoothing=smoothing)
    return F.binary_cross_entropy_with_logits(logits, targets * (1 - smoothing) + smoothing / 2)


def validate(network: nn.Module, config: Config, clips: list[Clip], cache: Cache, task: TaskSpec) -> dict[str, Any]:
    """Metrics on whole clips: the same windows and the same mean over those with sound as in `Classifier`."""
    device = next(network.parameters()).device
    scores, targets = [], []
    with torch.inference_mode():
        for clip in clips:
            cut = list(windows([cache.samples(clip)[np.newaxis]], config.input))
            heard = [window for window in cut if not window.silent] or cut
            batch = torch.from_numpy(np.stack([window.values for window in heard])).to(device)
            logits = network(batch).double().cpu().numpy()
            scores.append(scores_of(logits, task.kind).mean(axis=0))
            targets.append([float(label in clip.labels) for label in task.labels])
    return measure(np.array(scores), np.array(targets), task, config.merge)


def _out_of_patience(progress: state.Progress, config: Config) -> bool:
    return bool(progress.best_epoch) and progress.epoch - progress.best_epoch >= config.train.patience


def _spec(
    config: Config, task: TaskSpec, clips: int, progress: state.Progress, fold: str | None, measured: dict[str, Any]
) -> ModelSpec:
    training = {
        "recipe": asdict(config),
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
        task=task,
        licence=config.licence,
        training=training,
        metrics={"validation": measured} if measured else {},
    )


def _shared_cache(directory: Path, clips: list[Clip], config: Config, process: Process) -> Cache:
    """The decoded clips; the first process decodes, the others wait for it."""
    if process.world_size > 1 and not process.is_first:
        distributed.barrier()
    cache = open_cache(directory, clips, config.input.sample_rate, config.data.max_unreadable)
    if process.world_size > 1 and process.is_first:
        distributed.barrier()
    return cache


def _share(progress: state.Progress, process: Process) -> None:
    """Tell all processes what the first one measured, so that they stop together."""
    if process.world_size > 1:
        best = torch.tensor([progress.best_loss, progress.best_epoch], dtype=torch.float64, device=process.device)
        distributed.broadcast(best, src=0)
        progress.best_loss, progress.best_epoch = float(best[0]), int(best[1])


class _Log:
    """Metrics of each epoch as a line of JSON, for TensorBoard, and as a log message."""

    def __init__(self, run: Path, process: Process) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # tensorboard's own imports
            from torch.utils.tensorboard import SummaryWriter
        self._path = run / METRICS
        self._board = SummaryWriter(str(run / "tensorboard")) if process.is_first else None

    def __enter__(self) -> "_Log":
        return self

    def write(self, row: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._board:
            validation = {f"validation_{name}": value for name, value in row["validation"].items()}
            for name, value in (row | validation).items():
                if isinstance(value, float):
                    self._board.add_scalar(name, value, row["epoch"])
        logger.info("%s", json.dumps(row))

    def __exit__(self, *error: object) -> None:
        if self._board:
            self._board.close()
