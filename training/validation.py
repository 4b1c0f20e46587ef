"""Metrics on whole clips during training, with the windows and the mean that the model's users get."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from audiocnn.errors import AudioCnnError
from audiocnn.inference.classifier import batched
from audiocnn.inference.silence import BackgroundRule, background_rule
from audiocnn.inference.votes import Background, voting
from audiocnn.prepared import Window
from training.answers import scores_of_clips
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
    """Metrics on whole clips, the same in all processes, each of which answers for its share of the clips.

    Raises `AudioCnnError` for answers that are no numbers.
    """
    mine = range(process.rank, len(clips), process.world_size)
    found = process.gather((list(mine), answers(network, config, setup, [clips[i] for i in mine])))
    scores: Scores = np.full((len(clips), setup.heads.num_labels), np.nan)
    for indices, rows in found:
        scores[indices] = rows
    unsound = [setup.name(clip) for clip, row in zip(clips, scores, strict=True) if not np.isfinite(row).all()]
    if unsound:
        raise AudioCnnError(
            f"the network's answers are no numbers for {len(unsound)} of {len(clips)} validation clips, {unsound[0]} "
            "the first of them: its weights have grown too large; lower train.lr"
        )
    split = setup.heads.split
    return measure_tasks(split(scores), split(all_targets(clips, setup.tasks)), setup.tasks, config.merge)


def answers(network: nn.Module, config: Config, setup: Setup, clips: Sequence[Clip]) -> Scores:
    """What a network in evaluation mode answers for whole clips, `(clips, labels of all tasks)`.

    From the same windows, and in the same way, as `Classifier`.
    """
    device = next(network.parameters()).device
    logits = [np.empty((0, setup.heads.num_outputs))]
    owners: list[int] = []
    with torch.inference_mode():
        for batch in batched(_heard(clips, setup.cache, setup.medium, background_rule(config.input)), _BATCH):
            values = torch.from_numpy(np.stack([window.values for _, window in batch])).to(device)
            logits.append(network(values).double().cpu().numpy())
            owners += [index for index, _ in batch]
    windows = np.bincount(np.array(owners, np.int64), minlength=len(clips))
    return scores_of_clips(np.concatenate(logits), windows, setup.tasks)


def _heard(
    clips: Sequence[Clip], cache: Cache, medium: Medium, background: BackgroundRule | None
) -> Iterator[tuple[int, Window]]:
    """The windows that vote, each with the index of its clip."""
    for index, clip in enumerate(clips):
        heard = [window for window in medium.windows(cache.items(clip)) if not window.silent]
        levels_db = np.array([window.level_db for window in heard])
        kept = voting(levels_db, [background is not None and Background(window, background) for window in heard])
        yield from ((index, window) for window, votes in zip(heard, kept, strict=True) if votes)
