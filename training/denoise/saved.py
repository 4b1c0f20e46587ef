"""A denoiser on disk: `denoiser.json` and `denoiser.safetensors`; nothing is pickled."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
from training.denoise.config import DenoiseConfig, DenoiserConfig, DenoiseTrainConfig

CONFIG, WEIGHTS = "denoiser.json", "denoiser.safetensors"


@dataclass(frozen=True, slots=True)
class Trained:
    """A network that `fit` gave, and `window`, how many samples at 16 kHz it hears at once: as many as in training.

    The network judges noise by what is steady, and does worse over lengths that it did not learn with.
    """

    network: Denoiser
    window: int

    def denoise(self, samples: Samples) -> Samples:
        """A whole recording `(samples,)` at 16 kHz without its noise.

        Neighbouring windows share a third of their length, and fade into each other there.
        """
        overlap = self.window // 3
        rise = np.arange(1, self.window + 1, dtype=np.float32)
        fade = np.minimum(1, np.minimum(rise, rise[::-1]) / overlap)
        clean, weight = np.zeros_like(samples), np.zeros_like(samples)
        last = max(0, len(samples) - self.window)
        for start in [*range(0, last, self.window - overlap), last]:
            window = slice(start, start + self.window)
            share = fade[: len(samples[window])]
            with torch.inference_mode():
                clean[window] += share * self.network(torch.from_numpy(samples[window])[None, None])[0, 0].numpy()
            weight[window] += share
        return clean / weight


def save(directory: Path, network: Denoiser, recipe: DenoiseConfig, worth: Mapping[str, Any]) -> None:
    """Write the network, trained by `recipe`, into `directory`, each file atomically.

    worth: what else is known of it, such as its seed and what it measures.
    """
    directory.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    write_atomically(directory / WEIGHTS, to_bytes(weights))
    spec = {"model": asdict(recipe.model), "training": {**worth, "recipe": recipe.to_json()}}
    write_atomically(directory / CONFIG, (json.dumps(spec, indent=1) + "\n").encode())


def load(directory: Path) -> Trained:
    """What `save` wrote, the network in evaluation mode. Raises `CheckpointError` if there is none or it is damaged."""
    try:
        spec = json.loads((directory / CONFIG).read_text("utf-8"))
        network = Denoiser(**asdict(to_record(DenoiserConfig, spec["model"], CONFIG)))
        network.load_state_dict(load_file(directory / WEIGHTS))
        window_s = spec["training"]["recipe"]["train"]["window_s"]
        train = to_record(DenoiseTrainConfig, {"window_s": window_s}, CONFIG)
    except (OSError, ValueError, KeyError, TypeError, ConfigError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{directory} holds no denoiser: {error}") from error
    return Trained(network.eval(), train.window)
