"""A denoiser on disk: `denoiser.json` and `denoiser.safetensors`; nothing is pickled."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import CheckpointError
from audiocnn.models.denoiser import Denoiser
from audiocnn.waveform import Samples

CONFIG, WEIGHTS = "denoiser.json", "denoiser.safetensors"


def save(directory: Path, network: Denoiser, details: Mapping[str, Any]) -> None:
    """Write the network into `directory`, each file atomically. details: where it comes from and what it is worth."""
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    write_atomically(directory / WEIGHTS, to_bytes(weights))
    write_atomically(directory / CONFIG, (json.dumps(details, indent=1) + "\n").encode())


def load(directory: Path) -> Denoiser:
    """The network that `save` wrote, in evaluation mode. Raises `CheckpointError` if there is none or it is damaged."""
    network = Denoiser()
    try:
        network.load_state_dict(load_file(directory / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{directory / WEIGHTS} holds no denoiser: {error}") from error
    return network.eval()


def denoise(network: Denoiser, samples: Samples) -> Samples:
    """A whole recording `(samples,)` at 16 kHz without its noise."""
    with torch.inference_mode():
        clean: Samples = network(torch.from_numpy(samples)[None, None])[0, 0].numpy()
    return clean
