"""Train the silence detector: examples made as it goes, binary cross-entropy on every frame."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from audiocnn.errors import AudioCnnError
from audiocnn.models.silence_detector import SilenceDetectorNetwork
from audiocnn.waveform import Samples
from training.progress import track
from training.silence.examples import draw_scene, mixed

BATCH = 16
FRAMES = (50, 100, 200)
"""Lengths of the windows, 1 to 4 s, one for each step: the detector must serve models with windows of any length."""
CLEAN, SNR_DB = 0.15, (-5.0, 45.0)
"""The share of windows without noise, and the range of signal-to-noise ratios of the others."""

_LEARNING_RATE, _WEIGHT_DECAY, _WARMUP_STEPS = 4e-3, 1e-2, 50


def fit(recordings: Sequence[Samples], *, steps: int, seed: int) -> SilenceDetectorNetwork:
    """A network trained on recordings `(samples,)` at 16 kHz, in evaluation mode. The same seed gives the same network.

    Raises `AudioCnnError` if the loss is no longer a number.
    """
    torch.manual_seed(seed)
    network = SilenceDetectorNetwork(1)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    for step in track(range(steps), f"seed {seed}", total=steps):
        random = np.random.default_rng((seed, 1, step))
        frames = FRAMES[random.integers(len(FRAMES))]
        snr_db = np.where(random.random(BATCH) < CLEAN, np.inf, random.uniform(*SNR_DB, BATCH))
        examples = mixed([draw_scene(recordings, frames, random) for _ in range(BATCH)], snr_db)
        logits = network.frames(torch.from_numpy(examples.windows)[:, None])[:, 0]
        loss = F.binary_cross_entropy_with_logits(logits, torch.from_numpy(examples.silent).float())
        if not torch.isfinite(loss):
            raise AudioCnnError(f"the loss became {loss.item()} at step {step}; try another seed")
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * min(1, (step + 1) / _WARMUP_STEPS) * _cosine(step / steps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


def _cosine(share: float) -> float:
    """From 1 to 0."""
    return 0.5 + 0.5 * math.cos(math.pi * share)
