"""Train the denoiser: windows of music with noise made as it goes, the negative SI-SDR as loss."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import nn

from audiocnn.errors import AudioCnnError
from audiocnn.models.denoiser import Denoiser
from audiocnn.waveform import Samples
from training.denoise.config import DenoiseConfig
from training.denoise.examples import draw
from training.denoise.measure import si_sdr_db
from training.optim import Ema, learning_rate, make_optimizer, set_rate
from training.progress import track

_CPU = torch.device("cpu")


def fit(recordings: Sequence[Samples], config: DenoiseConfig, *, seed: int, device: torch.device = _CPU) -> Denoiser:
    """A network trained on recordings `(samples,)` at 16 kHz: in evaluation mode, and in the processor's memory.

    The same seed gives the same network.
    Raises `ConfigError` for a network that cannot be built, `AudioCnnError` if the loss is no longer a number.
    """
    optim, steps = config.train.optim, config.train.steps
    torch.manual_seed(seed)
    network = Denoiser(**asdict(config.model)).to(device)
    optimizer, ema = make_optimizer(network, optim), Ema(network, optim.ema)
    for step in track(range(steps), f"seed {seed}", total=steps):
        random = np.random.default_rng((seed, 1, step))
        examples = [draw(recordings, config.train.window, config.noise, random) for _ in range(optim.batch_size)]
        clean, noisy = (
            torch.from_numpy(np.stack(rows)).to(device)
            for rows in ([e.clean for e in examples], [e.noisy for e in examples])
        )
        with torch.autocast(device.type, torch.bfloat16, enabled=optim.precision == "bfloat16"):
            denoised = network(noisy[:, None])[:, 0]
        loss = -si_sdr_db(denoised.float(), clean).mean()
        if not torch.isfinite(loss):
            raise AudioCnnError(f"the loss became {loss.item()} at step {step}; try another seed")
        set_rate(optimizer, learning_rate(step, steps, optim))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), optim.clip_grad)
        optimizer.step()
        ema.update(network, step)
    network.load_state_dict(ema.weights)
    return network.cpu().eval()
