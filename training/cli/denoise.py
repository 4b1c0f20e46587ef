"""`python -m training denoise`: train a denoiser, measure it, use it."""

from pathlib import Path

import click
import soundfile
import torch

from audiocnn.audio.decode import open_audio
from audiocnn.audio.prepare import mono_samples
from audiocnn.errors import ConfigError
from training.cli.options import FILE, FOLDER, device_option, seeds_option, set_option
from training.denoise import saved
from training.denoise.config import SAMPLE_RATE, load_denoise_config
from training.denoise.run import table, train_and_measure
from training.distributed import join


@click.group()
def denoise() -> None:
    """A network that takes noise out of music."""


@denoise.command("train")
@click.argument("config", type=FILE)
@click.option("--data", type=FOLDER, required=True, help="Holds a folder for each corpus.")
@click.option("--run", type=FOLDER, help="Where the models go.  [default: runs/NAME]")
@seeds_option()
@set_option
@device_option
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]")
def train_command(
    config: Path,
    data: Path,
    run: Path | None,
    seeds: list[int],
    overrides: tuple[str, ...],
    device: str,
    threads: int | None,
) -> None:
    """Train as CONFIG says on recordings with coloured noise, and measure on those of other artists.

    Prints a table and writes denoise.json; the models lie in seed-0 and so on.
    """
    settings = load_denoise_config(config, overrides)
    if threads:
        torch.set_num_threads(threads)
    with join(device) as process:
        results = train_and_measure(
            settings, data, run or Path("runs") / settings.name, seeds=seeds, device=process.device
        )
    click.echo("\n".join(table(results)))


@denoise.command("apply")
@click.argument("model", type=FOLDER)
@click.argument("noisy", type=FILE)
@click.argument("clean", type=FILE)
def apply_command(model: Path, noisy: Path, clean: Path) -> None:
    """Write the recording NOISY without its noise to CLEAN, a WAV file, mono at 16 kHz."""
    trained = saved.load(model)
    with open_audio(noisy) as reader:
        samples = mono_samples(reader, SAMPLE_RATE)
    try:
        soundfile.write(clean, trained.denoise(samples), SAMPLE_RATE, subtype="FLOAT", format="WAV")
    except soundfile.LibsndfileError as error:
        raise ConfigError(f"cannot write {clean}: {error}") from error
    click.echo(f"written: {clean}")
