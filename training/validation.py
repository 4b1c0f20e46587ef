"""Metrics on whole clips during training, with the windows and the mean that the model's users get."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audiocnn.inference.classifier import batched
from audiocnn.inference.silence import background_rule, left_out
from audiocnn.prepared import Window
from training.config import Config
from training.data.cache import Cache
from training.data.manifest import Clip
from training.data.medium import Medium
from training.data.targets import all_targets
from training.distributed import Process
from training.metrics import Scores, measure_tasks
from training.setup import Setup

_BATCH = 32


def validate(
    network: nn.Module, config: Config, setup: Setup, clips: Sequence[Clip], process: Process
) -> dict[str, Any]:
    """Metrics on whole clips, the same in all processes, each of which answers for its share of the clips."""
    mine = range(process.rank, len(clips), process.world_size)
    found = process.gather((list(mine), answers(network, config, setup, [clips[i] for i in mine])))
    scores: Scores = np.full((len(clips), setup.heads.num_labels), np.nan)
    for indices, rows in found:
        scores[indices] = rows
    split = setup.heads.split
    return measure_tasks(split(scores), split(all_targets(clips, setup.tasks)), setup.tasks, config.merge)


def answers(network: nn.Module, config: Config, setup: Setup, clips: Sequence[Clip]) -> Scores:
    """What a network in evaluation mode answers for whole clips, `(clips, labels of all tasks)`.

    The same windows and the same mean over those that are not silent as in `Classifier`.
    """
    device = next(network.parameters()).device
    scores: Scores = np.zeros((len(clips), setup.heads.num_labels))
    with torch.inference_mode():
        for batch in batched(_heard(clips, setup.cache, setup.medium, background_rule(config.input)), _BATCH):
            values = torch.from_numpy(np.stack([window.values for _, window, _ in batch])).to(device)
            found = setup.heads.answers(network(values).double().cpu().numpy())
            for (index, _, weight), row in zip(batch, found, strict=True):
                scores[index] += weight * row
    return scores


def _heard(
    clips: Sequence[Clip], cache: Cache, medium: Medium, background: Callable[[Sequence[Window]], NDArray[np.bool_]]
) -> Iterator[tuple[int, Window, float]]:
    """The windows that vote: the index of their clip, the window, and its share of the clip's answer."""
    for index, clip in enumerate(clips):
        windows = list(medium.windows(cache.items(clip)))
        heard = [window for window in windows if not window.silent] or windows
        quiet = left_out(background(heard), np.array([window.level_db for window in heard]))
        heard = [window for window, is_quiet in zip(heard, quiet, strict=True) if not is_quiet]
        yield from ((index, window, 1 / len(heard)) for window in heard)
