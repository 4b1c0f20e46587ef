"""What a denoiser is worth: the scale-invariant ratio of signal to distortion, before and after."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from audiocnn.waveform import Samples
from training.denoise.config import NoiseConfig
from training.denoise.examples import with_noise
from training.progress import track


def si_sdr_db(estimate: Tensor, reference: Tensor) -> Tensor:
    """The scale-invariant signal-to-distortion ratio in dB of each row, of two tensors `(..., samples)`.

    Le Roux et al., "SDR: half-baked or well done?", ICASSP 2019 (arXiv 1811.02508), equation 5, with means removed: the
    part of the estimate that is a multiple of the reference against the rest.
    """
    estimate, reference = (x - x.mean(-1, keepdim=True) for x in (estimate, reference))
    share = (estimate * reference).sum(-1, keepdim=True) / reference.square().sum(-1, keepdim=True)
    target = share * reference
    return 10 * torch.log10(target.square().sum(-1) / (target - estimate).square().sum(-1))


def measure(
    denoise: Callable[[Samples], Samples], recordings: Sequence[Samples], noise: NoiseConfig, seed: int
) -> dict[str, Any]:
    """SI-SDR in dB of whole recordings `(samples,)` with noise, as they are and after `denoise`, and the gain.

    Mean over the recordings, and for the gain the deviation. The same seed gives the same noise.
    """
    before, after = [], []
    for index, recording in enumerate(track(recordings, "measuring", total=len(recordings))):
        example = with_noise(recording, noise.test_snr_db, noise.colours, np.random.default_rng((seed, index)))
        clean, noisy = (torch.from_numpy(x) for x in (example.clean, example.noisy))
        before.append(float(si_sdr_db(noisy, clean)))
        after.append(float(si_sdr_db(torch.from_numpy(denoise(example.noisy)), clean)))
    gains = np.array(after) - np.array(before)
    return {
        "recordings": len(recordings),
        "snr_db": noise.test_snr_db,
        "noisy_db": float(np.mean(before)),
        "denoised_db": float(np.mean(after)),
        "gain_db": float(gains.mean()),
        "gain_deviation_db": float(gains.std()),
    }
