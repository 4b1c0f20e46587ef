"""Two windows made one, and their targets likewise: mixup, between-class sounds, cut-mix in time.

On batches of waveforms `(batch, samples)` and targets `(batch, labels)`, on the device of the batch. Random amounts
come from `random`, so that a CPU and a GPU see the same ones.
"""

import math

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from audiocnn.audio.normalise import normalise_level
from training.augment.draws import from_db, uniform
from training.augment.sound import rms, spans
from training.config import OptimConfig

_FRAME_S = 0.1
_QUIETEST_DB = -80.0


def mix(
    windows: Tensor,
    targets: Tensor,
    config: OptimConfig,
    sample_rate: int,
    random: Generator,
    *,
    keep_level: bool = False,
) -> tuple[Tensor, Tensor]:
    """Windows and targets as `config.mixing`, `mixup` and `cut_mix` say: one of the functions below, or as they are."""
    if config.cut_mix and random.random() < config.cut_mix:
        return cut_mix(windows, targets, random)
    if not config.mixup:
        return windows, targets
    if config.mixing == "between-class":
        return between_class(windows, targets, config.mixup, sample_rate, random)
    return mixup(windows, targets, config.mixup, random, keep_level=keep_level)


def mixup(
    windows: Tensor, targets: Tensor, alpha: float, random: Generator, *, keep_level: bool = False
) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018): each window blended with another of the batch, its target likewise.

    Windows are brought to one level first, so that the shares in the sound are those in the target. With `keep_level`
    the blend gets a level between their own, by the same shares.
    """
    share = _shares(windows, alpha, random)
    partner = torch.from_numpy(random.permutation(len(windows))).to(windows.device)
    levelled = normalise_level(windows, "rms")
    blend = share * levelled + (1 - share) * levelled[partner]
    if keep_level:
        level = rms(windows)
        blend = normalise_level(blend, "rms") * (share * level + (1 - share) * level[partner])
    return blend, share * targets + (1 - share) * targets[partner]


def between_class(
    windows: Tensor, targets: Tensor, alpha: float, sample_rate: int, random: Generator
) -> tuple[Tensor, Tensor]:
    """Between-class sounds (Tokozume, Ushiku, Harada 2018, section 3.2): each window mixed with one of another target.

    A ratio r from Beta(alpha, alpha), uniform for alpha 1 as in the paper, is that of the targets, and of the two
    sounds as they are heard: the louder one is taken back, and the sum brought to the energy of one window. A window
    for which the batch has no other target gets any partner.
    """
    ratio = _shares(windows, alpha, random)
    scores = torch.from_numpy(random.random((len(windows), len(windows))).astype(np.float32)).to(windows.device)
    differs = (targets[:, None] != targets[None]).any(2)
    partner = (scores + differs).argmax(1)
    loudness = loudness_db(windows, sample_rate)
    first = ratio / (ratio + from_db(loudness - loudness[partner]) * (1 - ratio))
    blend = first * windows + (1 - first) * windows[partner]
    return blend / (first**2 + (1 - first) ** 2).sqrt(), ratio * targets + (1 - ratio) * targets[partner]


def loudness_db(windows: Tensor, sample_rate: int) -> Tensor:
    """The A-weighted level of each window's loudest tenth of a second in dB, `(batch, 1)`; -80 for silence."""
    frame = min(2 ** round(math.log2(_FRAME_S * sample_rate)), windows.shape[-1])
    taper = torch.hann_window(frame, device=windows.device)
    spectra = torch.fft.rfft(windows.unfold(1, frame, max(1, frame // 2)) * taper)
    power = torch.view_as_real(spectra).square().sum(-1) @ a_weights(frame, sample_rate).to(windows.device)
    mean_square = 2 * power / (frame * taper.square().sum())
    level: Tensor = 10 * mean_square.amax(1, keepdim=True).log10()
    return level.clamp(min=_QUIETEST_DB)


def a_weights(frame: int, sample_rate: int) -> Tensor:
    """What the power at each frequency of an FFT over `frame` samples counts for: IEC 61672-1, 1 at 1 kHz."""
    f2 = np.fft.rfftfreq(frame, 1 / sample_rate) ** 2
    response = 12_194**2 * f2**2 / ((f2 + 20.6**2) * np.sqrt((f2 + 107.7**2) * (f2 + 737.9**2)) * (f2 + 12_194**2))
    return torch.from_numpy((10**0.2 * response**2).astype(np.float32))


def cut_mix(windows: Tensor, targets: Tensor, random: Generator) -> tuple[Tensor, Tensor]:
    """Cut-mix (Yun et al. 2019) along time: a random span of each window is that of another one, its target by its
    share of the window."""
    partner = torch.from_numpy(random.permutation(len(windows))).to(windows.device)
    inside = spans(windows, uniform(windows, 0, windows.shape[-1], random), random)
    share = inside.float().mean(1, keepdim=True)
    return torch.where(inside, windows[partner], windows), (1 - share) * targets + share * targets[partner]


def _shares(windows: Tensor, alpha: float, random: Generator) -> Tensor:
    return torch.from_numpy(random.beta(alpha, alpha, (len(windows), 1)).astype(np.float32)).to(windows.device)
