"""A recipe for each of several seeds: train, measure, save."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from audiocnn.checkpoint import write_atomically
from training.denoise.config import SAMPLE_RATE, DenoiseConfig
from training.denoise.fit import fit
from training.denoise.measure import measure
from training.denoise.saved import Trained, save
from training.recordings import read_recordings

RESULTS = "denoise.json"
_VALIDATION, _TEST = 1001, 1002
"""Seeds of the noise: the same for every denoiser."""


def train_and_measure(
    config: DenoiseConfig, data: Path, run: Path, *, seeds: Sequence[int], device: torch.device
) -> list[dict[str, Any]]:
    """Train a denoiser for each seed, in `run/seed-0` and so on; all results are in `run/denoise.json` too.

    data: holds a folder for each corpus. Raises what `read_recordings` and `fit` raise.
    """
    recordings = read_recordings(data, config.data.corpora, SAMPLE_RATE, config.data.longest_s)
    results = []
    for seed in seeds:
        trained = Trained(fit(recordings["train"], config, seed=seed, device=device), config.train.window)
        result: dict[str, Any] = {"seed": seed}
        result["validation"] = measure(trained.denoise, recordings["validation"], config.noise, _VALIDATION)
        result["test"] = measure(trained.denoise, recordings["test"], config.noise, _TEST)
        results.append(result | {"recipe": config.to_json()})
        save(run / f"seed-{seed}", trained.network, config, result)
        write_atomically(run / RESULTS, (json.dumps(results, indent=1) + "\n").encode())
    return results


def table(results: Sequence[dict[str, Any]]) -> list[str]:
    """SI-SDR before and after, by seed, as lines of a Markdown table."""
    lines = ["| seed | noisy | denoised | gain on test | gain on validation |", "|" + "---|" * 5]
    for result in results:
        test, validation = result["test"], result["validation"]
        lines.append(
            f"| {result['seed']} | {test['noisy_db']:.2f} dB | {test['denoised_db']:.2f} dB | {test['gain_db']:.2f} ± "
            f"{test['gain_deviation_db']:.2f} dB | {validation['gain_db']:.2f} dB |"
        )
    return lines
