"""Train the denoiser: windows of music with noise made as it goes, the negative SI-SDR as loss."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from audiocnn.errors import AudioCnnError
from audiocnn.models.denoiser import Denoiser
from audiocnn.waveform import Samples
from training.config import OptimConfig
from training.denoise.examples import SAMPLE_RATE, draw
from training.denoise.measure import si_sdr_db
from training.optim import Ema, learning_rate, make_optimizer
from training.progress import track

WINDOW = 2 * SAMPLE_RATE
SNR_DB = (-5.0, 15.0)

_OPTIM = OptimConfig(batch_size=8, lr=2e-3, weight_decay=0.01, clip_grad=5.0, ema=0.995)


def fit(recordings: Sequence[Samples], *, steps: int, seed: int, window: int = WINDOW) -> Denoiser:
    """A network trained on recordings `(samples,)` at 16 kHz, in evaluation mode. The same seed gives the same network.

    window: samples of each example. Raises `AudioCnnError` if the loss is no longer a number.
    """
    torch.manual_seed(seed)
    network = Denoiser()
    optimizer, ema = make_optimizer(network, _OPTIM), Ema(network, _OPTIM.ema)
    for step in track(range(steps), f"seed {seed}", total=steps):
        random = np.random.default_rng((seed, 1, step))
        examples = [draw(recordings, window, SNR_DB, random) for _ in range(_OPTIM.batch_size)]
        clean, noisy = (
            torch.from_numpy(np.stack(rows)) for rows in ([e.clean for e in examples], [e.noisy for e in examples])
        )
        loss = -si_sdr_db(network(noisy[:, None])[:, 0], clean).mean()
        if not torch.isfinite(loss):
            raise AudioCnnError(f"the loss became {loss.item()} at step {step}; try another seed")
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, _OPTIM)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), _OPTIM.clip_grad)
        optimizer.step()
        ema.update(network, step)
    network.load_state_dict(ema.weights)
    return network.eval()
