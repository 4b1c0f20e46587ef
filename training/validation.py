"""Metrics on whole clips during training, with the windows and the mean that the model's users get."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audiocnn.inference.classifier import batched
from audiocnn.inference.silence import background_rule, left_out
from audiocnn.nn.heads import Heads
from audiocnn.prepared import Window
from audiocnn.spec import TaskSpec
from training.config import Config
from training.data.cache import Cache
from training.data.manifest import Clip
from training.data.medium import Medium
from training.data.targets import all_targets
from training.metrics import Scores, measure_tasks

_BATCH = 32


def validate(
    network: nn.Module, config: Config, medium: Medium, clips: list[Clip], cache: Cache, tasks: Mapping[str, TaskSpec]
) -> dict[str, Any]:
    """Metrics on whole clips: the same windows and the same mean over those that are not silent as in `Classifier`."""
    device = next(network.parameters()).device
    heads = Heads(tasks)
    scores: Scores = np.zeros((len(clips), heads.num_labels))
    with torch.inference_mode():
        for batch in batched(_heard(clips, cache, medium, background_rule(config.input)), _BATCH):
            values = torch.from_numpy(np.stack([window.values for _, window, _ in batch])).to(device)
            found = heads.answers(network(values).double().cpu().numpy())
            for (index, _, weight), row in zip(batch, found, strict=True):
                scores[index] += weight * row
    return measure_tasks(heads.split(scores), heads.split(all_targets(clips, tasks)), tasks, config.merge)


def _heard(
    clips: list[Clip], cache: Cache, medium: Medium, background: Callable[[Sequence[Window]], NDArray[np.bool_]]
) -> Iterator[tuple[int, Window, float]]:
    """The windows that vote: the index of their clip, the window, and its share of the clip's answer."""
    for index, clip in enumerate(clips):
        windows = list(medium.windows(cache.items(clip)))
        heard = [window for window in windows if not window.silent] or windows
        quiet = left_out(background(heard), np.array([window.level_db for window in heard]))
        heard = [window for window, is_quiet in zip(heard, quiet, strict=True) if not is_quiet]
        yield from ((index, window, 1 / len(heard)) for window in heard)
