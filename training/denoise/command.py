"""`python -m training denoise`: train a denoiser, measure it, use it."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import soundfile
import torch

from audiocnn.audio.decode import open_audio
from audiocnn.audio.prepare import mono_blocks
from audiocnn.checkpoint import write_atomically
from audiocnn.errors import ConfigError
from training.denoise.examples import SAMPLE_RATE
from training.denoise.fit import fit
from training.denoise.measure import measure
from training.denoise.saved import denoise as cleaned
from training.denoise.saved import load, save
from training.recordings import read_recordings

RESULTS = "denoise.json"
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_LONGEST_S = 30
_VALIDATION, _TEST = 1001, 1002
"""Seeds of the noise: the same for every denoiser."""


@click.group()
def denoise() -> None:
    """A network that takes noise out of music."""


@denoise.command("train")
@click.option("--data", type=_FOLDER, required=True, help="Holds a folder for each corpus.")
@click.option("--corpora", default="emotify", show_default=True, help="Some of fsdd,esc10,emotify.")
@click.option("--run", type=_FOLDER, default=Path("runs/denoise"), show_default=True, help="Where the models go.")
@click.option("--seeds", default="0", show_default=True, help="A denoiser is trained for each.")
@click.option("--steps", type=click.IntRange(1), default=3000, show_default=True, help="Of 8 windows of 2 s.")
@click.option("--snr", "snr_db", type=float, default=5.0, show_default=True, help="dB, of the recordings to test on.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads.")
def train_command(data: Path, corpora: str, run: Path, seeds: str, steps: int, snr_db: float, threads: int) -> None:
    """Train on recordings with coloured noise and measure on those of other artists.

    Prints a table and writes denoise.json; the models lie in seed-0 and so on.
    """
    torch.set_num_threads(threads)
    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError as error:
        raise ConfigError(f"seeds must be whole numbers such as 0,1,2, got {seeds!r}") from error
    recordings = read_recordings(data, corpora.split(","), SAMPLE_RATE, _LONGEST_S)
    results = []
    for seed in numbers:
        network = fit(recordings["train"], steps=steps, seed=seed)
        use = partial(cleaned, network)
        result: dict[str, Any] = {"seed": seed, "steps": steps, "corpora": corpora.split(",")}
        result["validation"] = measure(use, recordings["validation"], snr_db, _VALIDATION)
        result["test"] = measure(use, recordings["test"], snr_db, _TEST)
        save(run / f"seed-{seed}", network, {"command": "python -m training denoise train", **result})
        results.append(result)
        write_atomically(run / RESULTS, (json.dumps(results, indent=1) + "\n").encode())
    click.echo("\n".join(table(results)))


@denoise.command("apply")
@click.argument("model", type=_FOLDER)
@click.argument("noisy", type=_FILE)
@click.argument("clean", type=_FILE)
def apply_command(model: Path, noisy: Path, clean: Path) -> None:
    """Write the recording NOISY without its noise to CLEAN, a WAV file, mono at 16 kHz."""
    network = load(model)
    with open_audio(noisy) as reader:
        samples = np.concatenate(list(mono_blocks(reader, SAMPLE_RATE)), axis=1)[0]
    try:
        soundfile.write(clean, cleaned(network, samples), SAMPLE_RATE, subtype="FLOAT", format="WAV")
    except soundfile.LibsndfileError as error:
        raise ConfigError(f"cannot write {clean}: {error}") from error
    click.echo(f"written: {clean}")


def table(results: list[dict[str, Any]]) -> list[str]:
    """SI-SDR before and after, by seed, as lines of a Markdown table."""
    lines = ["| seed | noisy | denoised | gain on test | gain on validation |", "|" + "---|" * 5]
    for result in results:
        test, validation = result["test"], result["validation"]
        lines.append(
            f"| {result['seed']} | {test['noisy_db']:.2f} dB | {test['denoised_db']:.2f} dB | {test['gain_db']:.2f} ± "
            f"{test['gain_deviation_db']:.2f} dB | {validation['gain_db']:.2f} dB |"
        )
    return lines
