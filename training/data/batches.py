"""Random windows of clips, the same for the same seed and step whatever happened before: resuming needs no history."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocnn.spec import MAIN, TaskSpec
from training.config import Config
from training.data.manifest import Clip, group_of
from training.data.medium import Medium
from training.data.rare_labels import balanced_order
from training.data.store import Store
from training.data.targets import all_targets, following_speed, targets_of


class Batches:
    """The training batches of a run: `steps_per_epoch` of them, each `batch_size` windows over all processes.

    That is as configured, or all windows of an epoch where they are fewer; what does not fill a batch is left out.
    """

    def __init__(
        self, store: Store, medium: Medium, clips: Sequence[Clip], tasks: Mapping[str, TaskSpec], config: Config
    ) -> None:
        self._store = store
        self._medium = medium
        self._clips = clips
        self._config = config
        self._targets = torch.from_numpy(all_targets(clips, tasks)).float()
        self._follow = torch.from_numpy(following_speed(config, tasks))
        epoch_size = len(clips) * config.train.crops_per_clip
        self.batch_size = min(config.train.batch_size, epoch_size)
        self.steps_per_epoch = epoch_size // self.batch_size
        self._labels: NDArray[np.int64] | None = None
        self._groups: NDArray[np.int64] | None = None
        if config.train.balance in ("sampling", "groups"):
            self._labels = targets_of(clips, tasks[MAIN]).argmax(1)
        if config.train.balance == "groups":
            self._groups = np.unique([group_of(clip) for clip in clips], return_inverse=True)[1]
        self._last_order: tuple[int, NDArray[np.int64]] | None = None

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> tuple[Tensor, Tensor]:
        """This process's part of batch `step`: windows as `Medium.crops` gives them, targets `(n, all labels)`.

        All windows of a batch share one random change of speed, so that they stay one array.
        """
        order = self._order_of(step)
        random = np.random.default_rng((self._config.seed, 1, step))
        speed = self._medium.nearest_speed(1 + random.uniform(-1, 1) * self._config.augment.speed)
        at = random.random(len(order))
        mine = slice(rank, None, world_size)
        clips = [self._clips[i] for i in order[mine]]
        targets = self._targets[order[mine]]
        targets = torch.where(self._follow, targets * speed, targets)
        return self._medium.crops(self._store, clips, at[mine], speed), targets

    def clips(self, step: int) -> list[Clip]:
        """The clips of batch `step`, of all processes."""
        return [self._clips[i] for i in self._order_of(step)]

    def _order_of(self, step: int) -> NDArray[np.int64]:
        """Which clips make up batch `step`."""
        epoch, index = divmod(step, self.steps_per_epoch)
        return self._order(epoch)[index * self.batch_size : (index + 1) * self.batch_size]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Every clip `crops_per_clip` times, each round in a new order, or so many clips with balanced labels."""
        # Kept for the epoch at work: drawing it for each batch costs time as the square of the clips.
        if (last := self._last_order) and last[0] == epoch:
            return last[1]
        random = np.random.default_rng((self._config.seed, 0, epoch))
        rounds = self._config.train.crops_per_clip
        if self._labels is None:
            order = np.concatenate([random.permutation(len(self._clips)) for _ in range(rounds)])
        else:
            order = balanced_order(self._labels, len(self._clips) * rounds, random, self._groups)
        self._last_order = epoch, order
        return order
