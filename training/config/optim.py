"""The section `[train]`."""

import math
from dataclasses import dataclass
from typing import Literal

from audiocnn.errors import ConfigError
from training.config.checks import check_fields

_MOST = 1e6  # far from anything useful, and from what overflows


@dataclass(frozen=True, slots=True)
class OptimConfig:
    """How to train.

    epochs: passes over the clips, each with `crops_per_clip` random windows of every clip, but for the rest that does
      not fill a batch: in each epoch it is of other clips.
    batch_size: windows in one step, over all processes.
    accumulate: parts a process's share of a step is computed in, one after the other, for networks too large for the
      memory. Norms over the batch see one part at a time.
    balance: `loss` weighs labels by how rare they are; `sampling` draws clips so that each label is as frequent, for
      `single_label` and `binary`; `groups` does so too and, within a label, draws each of `data.group` (artist,
      speaker, source) as often as the root of its number of clips says, so that few with many clips do not stand for
      all; or `none`.
    compile: whether the network that is stepped goes through `torch.compile`, which needs a compiler.
    precision: of the arithmetic in the network: `float32`, or `bfloat16` (weights stay float32), up to twice as fast
      where the hardware has it.
    optimizer: `adamw`, or `sgd` with `momentum`, the plain one with 0.
    lr: peak learning rate; it rises over `warmup` (a share of all steps) and falls along a cosine to zero.
    filter_lr: learning rate of the filters of a learned filterbank, as a share of `lr`. They start as narrow bands, and
      at the rate that suits the rest steps are so large for them that other frequencies leak in.
    weight_decay: on weights only, never on norms and biases. clip_grad: largest gradient norm.
    label_smoothing: share of each target spread over all labels; a regression has none.
    mixup: two windows of a batch become one, and their targets, at a ratio from Beta(mixup, mixup); 0 for none.
    mixing: how: `mixup`, a plain blend; or, for sound, `between-class`, of windows with different targets at the ratio
      at which they are heard, as in its paper with mixup = 1.
    cut_mix: for sound, share of the batches in which a span of each window is replaced by another's instead.
    data_on_device: whether the decoded training clips lie in the device's memory and windows are cut there: `always`,
      `never`, or `auto`, which is on a GPU with twice the room for them. The windows are the same either way.
    ema: decay of the averaged weights that are validated and kept.
    keep: which epoch's averaged weights are the model: `best`, of the lowest validation loss, or `last`.
    patience: epochs without a better validation loss before stopping; needs a validation split and `keep = "best"`.
    save_every_s: seconds between two saved states within an epoch; a state is saved after each epoch as well.
    """

    epochs: int = 60
    crops_per_clip: int = 2
    batch_size: int = 32
    accumulate: int = 1
    balance: Literal["none", "loss", "sampling", "groups"] = "none"
    compile: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: float = 0.9
    lr: float = 2e-3
    warmup: float = 0.15
    filter_lr: float = 1.0
    weight_decay: float = 0.05
    clip_grad: float = 2.0
    label_smoothing: float = 0.05
    mixup: float = 0.0
    mixing: Literal["mixup", "between-class"] = "mixup"
    cut_mix: float = 0.0
    data_on_device: Literal["auto", "always", "never"] = "auto"
    ema: float = 0.995
    keep: Literal["best", "last"] = "best"
    patience: int = 15
    save_every_s: float = 300.0

    def __post_init__(self) -> None:
        counts = ["epochs", "crops_per_clip", "batch_size", "accumulate", "patience"]
        check_fields("train.", self, counts, lambda v: v >= 1, "at least 1")
        check_fields("train.", self, ["lr"], lambda v: 0 < v <= _MOST, f"a number above 0, at most {_MOST:g}")
        check_fields("train.", self, ["weight_decay"], lambda v: 0 <= v <= _MOST, f"a number from 0 to {_MOST:g}")
        check_fields("train.", self, ["clip_grad"], lambda v: 0 < v < math.inf, "a finite number above 0")
        check_fields(
            "train.",
            self,
            ["mixup", "save_every_s"],
            lambda v: 0 <= v < math.inf,
            "a finite number from 0 up",
        )
        shares = ["warmup", "filter_lr", "label_smoothing", "ema", "cut_mix"]
        check_fields("train.", self, shares, lambda v: 0 <= v <= 1, "a share from 0 to 1")
        check_fields("train.", self, ["momentum"], lambda v: 0 <= v < 1, "from 0 to below 1")
        if self.mixing == "between-class" and not self.mixup:
            raise ConfigError(
                "train.mixup must be above 0 for train.mixing = 'between-class', got 0; the paper has 1.0"
            )
