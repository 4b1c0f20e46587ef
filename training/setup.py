"""What a run needs before its first step: clips, their split, tasks, batches, and the network with fresh weights."""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from audiocnn import models
from audiocnn.errors import ConfigError
from audiocnn.nn.heads import Heads
from audiocnn.spec import MAIN, AudioSpec, TaskSpec
from training.config import Config
from training.data.batches import Batches
from training.data.cache import Cache, open_cache
from training.data.manifest import Clip, answers_of, name_of, read_clips
from training.data.media import medium_of
from training.data.medium import Medium
from training.data.split import Split, split_clips, usable
from training.data.store import store_of
from training.data.targets import answered_of, tasks_of
from training.distributed import Process
from training.metrics import merge_matrix
from training.pretrained import take_weights


@dataclass(frozen=True, slots=True)
class Setup:
    """The data of a run, made ready. `data` is the folder of clips; `split` holds readable clips only. `taught` are the
    heads of all tasks, `tasks` and `heads` of those that the finished model answers."""

    data: Path
    medium: Medium
    split: Split
    cache: Cache
    taught: Heads
    tasks: Mapping[str, TaskSpec]
    heads: Heads
    batches: Batches

    def name(self, clip: Clip) -> str:
        """What the clip is called in results."""
        return name_of(clip.path, self.data)

    def content_hash(self) -> str:
        """The same for the same clips to train and to validate on: of the same names, right answers and items."""
        rows = [
            [[self.name(clip), self.cache.digest(clip), answers_of(clip)] for clip in side]
            for side in (self.split.train, self.split.validation)
        ]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def prepare(config: Config, data: Path, cache_directory: Path, process: Process, fold: str | None) -> Setup:
    """Read, divide and decode the clips in the folder `data`; `fold` is the test set.

    Raises `ConfigError` for illegal data or configuration.
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
    taught = tasks_of(config, clips, split.train)
    tasks = answered_of(config, taught)
    if config.merge:
        merge_matrix(tasks[MAIN].labels, config.merge)  # refuses unknown labels now and not after the training
    store = store_of(cache, split.train, config.train.data_on_device, process.device)
    batches = Batches(store, medium, split.train, taught, config)
    if batches.batch_size < process.world_size:
        raise ConfigError(
            f"a step must have at least {process.world_size} windows, one for each process, got {batches.batch_size}: "
            f"train.batch_size = {config.train.batch_size}, and an epoch of {len(split.train)} clips with "
            f"train.crops_per_clip = {config.train.crops_per_clip}; raise what is too low, or start fewer processes"
        )
    return Setup(data, medium, split, cache, Heads(taught), tasks, Heads(tasks), batches)


def fresh_network(config: Config, setup: Setup, process: Process) -> nn.Module:
    """The network with the random weights of the run's seed, or those of `model.pretrained` and a random last layer, on
    the device of this process.

    Raises `ConfigError` where the pretrained model is another network.
    """
    torch.manual_seed(config.seed)
    network = _build(config, setup.taught.num_outputs, process.device)
    if config.model.pretrained:
        take_weights(network, config, setup.taught, setup.tasks)
    return network


def num_weights(network: nn.Module) -> int:
    """How many numbers of the network are learned; statistics of norms are not."""
    return sum(parameter.numel() for parameter in network.parameters())


def answering(network: nn.Module, config: Config, setup: Setup) -> nn.Module:
    """What the finished model is: `network`, or where some tasks only helped to learn, a copy without their outputs."""
    if setup.taught.num_outputs == setup.heads.num_outputs:
        return network
    weights = network.state_dict()
    rows = torch.cat([torch.arange(setup.taught.num_outputs)[setup.taught.outputs[name]] for name in setup.tasks])
    smaller = _build(config, setup.heads.num_outputs, next(network.parameters()).device)
    for name, own in smaller.state_dict().items():
        taught = weights[name]
        own.copy_(taught if taught.shape == own.shape else taught[rows.to(taught.device)])
    return smaller.train(network.training)


def _build(config: Config, num_outputs: int, device: torch.device) -> nn.Module:
    network = models.build(config.model.architecture, num_outputs, config.model.arguments)
    return network.to(device, memory_format=memory_format(config.input.ndim))  # type: ignore[call-overload, no-any-return]


def memory_format(ndim: int) -> torch.memory_format:
    """The order of the axes in memory: channels last made steps over 2 and 3 axes 1.2 to 1.5 times as fast on a CPU."""
    return {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d}[ndim]


def check_architecture(config: Config) -> None:
    """Raises `ConfigError` for a network that does not take the input, or sound of its sample rate, and
    `UnknownModelError` for an unknown one."""
    model, spec = config.model, config.input
    entry = models.architecture(model.architecture)
    rate = model.arguments.get("sample_rate", _default(entry.network, "sample_rate"))
    if isinstance(spec, AudioSpec) and rate is not None and rate != spec.sample_rate:
        raise ConfigError(
            f"model.arguments.sample_rate must be input.sample_rate = {spec.sample_rate}, the rate of what the network "
            f"hears, got {rate}"
        )
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


def _default(network: Callable[..., nn.Module], argument: str) -> Any:
    """What the network takes for an argument that is left out, None if it has none of that name."""
    parameter = inspect.signature(network).parameters.get(argument)
    return parameter.default if parameter and parameter.default is not inspect.Parameter.empty else None


def _axes(ndim: int, channels: int) -> str:
    return f"{ndim} {'axis' if ndim == 1 else 'axes'}, {channels} {'channel' if channels == 1 else 'channels'}"
