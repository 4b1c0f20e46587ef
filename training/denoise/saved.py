"""A denoiser on disk: `denoiser.json` and `denoiser.safetensors`; nothing is pickled."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import CheckpointError, ConfigError
from audiocnn.models.denoiser import Denoiser
from audiocnn.waveform import Samples
from training.config.reader import to_record
from training.denoise.config import DenoiserConfig

CONFIG, WEIGHTS = "denoiser.json", "denoiser.safetensors"

WINDOW, OVERLAP = 48_000, 16_000
"""Samples at 16 kHz heard at once, as the recipe trains, and how many of them two neighbours share. The network judges
noise by what is steady, and does worse over lengths that it did not learn with."""


def save(directory: Path, network: Denoiser, model: DenoiserConfig, training: Mapping[str, Any]) -> None:
    """Write the network, built from the arguments `model`, into `directory`, each file atomically.

    training: where it comes from and what it is worth.
    """
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    write_atomically(directory / WEIGHTS, to_bytes(weights))
    spec = {"model": asdict(model), "training": training}
    write_atomically(directory / CONFIG, (json.dumps(spec, indent=1) + "\n").encode())


def load(directory: Path) -> Denoiser:
    """The network that `save` wrote, in evaluation mode. Raises `CheckpointError` if there is none or it is damaged."""
    try:
        spec = json.loads((directory / CONFIG).read_text("utf-8"))
        network = Denoiser(**asdict(to_record(DenoiserConfig, spec["model"], CONFIG)))
        network.load_state_dict(load_file(directory / WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, ConfigError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{directory} holds no denoiser: {error}") from error
    return network.eval()


def denoise(network: Denoiser, samples: Samples) -> Samples:
    """A whole recording `(samples,)` at 16 kHz without its noise, in windows of `WINDOW` that fade into each other."""
    rise = np.arange(1, WINDOW + 1, dtype=np.float32)
    fade = np.minimum(1, np.minimum(rise, rise[::-1]) / OVERLAP)
    clean, weight = np.zeros_like(samples), np.zeros_like(samples)
    last = max(0, len(samples) - WINDOW)
    for start in [*range(0, last, WINDOW - OVERLAP), last]:
        window = slice(start, start + WINDOW)
        share = fade[: len(samples[window])]
        with torch.inference_mode():
            clean[window] += share * network(torch.from_numpy(samples[window])[None, None])[0, 0].numpy()
        weight[window] += share
    return clean / weight
