"""A dry run: everything a training does up to its first step and its first validation, and no run left behind."""

import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from audiocnn.errors import AudioCnnError
from audiocnn.spec import MAIN
from training.config import Config
from training.distributed import Process
from training.optim import make_optimizer
from training.pretrained import origin
from training.setup import answering, fresh_network, num_weights, prepare
from training.step import Step
from training.validation import answers

_CLIPS_TRIED = 4


def dry_run(config: Config, data: Path, cache_directory: Path, process: Process, fold: str | None) -> Iterator[str]:
    """Everything up to one step and the answers for a few validation clips, told in lines; only the cache is written.

    Raises what `train` would raise by then.
    """
    setup = prepare(config, data, cache_directory, process, fold)
    split, batches = setup.split, setup.batches
    yield f"clips: {', '.join(f'{len(clips)} to {verb}' for verb, clips in split.sides().items())}"
    for name, task in setup.tasks.items():
        yield f"{f'side task {name}' if name != MAIN else 'task'}: {task.summary}"
    for name in sorted(set(config.side_tasks) - set(setup.tasks)):
        yield f"side task {name}: only helps to learn, the model does not answer it"
    network = fresh_network(config, setup, process)
    yield f"network: {config.model.architecture}, {num_weights(network):,} weights"
    begun = origin(config.model)
    if begun:
        yield f"begins with the weights of: {begun['name']}, version {begun['version']}, licence {begun['licence']}"
    step = Step(network, make_optimizer(network, config.train), setup, config, process)
    batch = batches.batch(0, process.rank, process.world_size)
    loss = process.mean_loss(step.take(batch, 0, config.train.lr))
    if not math.isfinite(loss):
        raise AudioCnnError(f"the loss of the first batch is {loss}; look at its clips, or lower train.lr")
    started = time.perf_counter()
    process.mean_loss(step.take(batch, 0, config.train.lr))  # the first one warmed up
    seconds = time.perf_counter() - started
    yield f"step: {batches.batch_size} windows, loss {loss:.3f}, {seconds:.3f} s on {process.device}"
    tried = split.validation[:_CLIPS_TRIED]
    if tried:
        found = answers(answering(network.eval(), config, setup), config, setup, tried)
        if not np.isfinite(found).all():
            raise AudioCnnError("the network's answers for validation clips are not finite; lower train.lr")
        yield f"validation: answers for {len(tried)} of {len(split.validation)} clips"
    total = config.train.epochs * batches.steps_per_epoch
    yield f"all {total} steps would take about {_duration(total * seconds)}, without validation and waiting for data"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
