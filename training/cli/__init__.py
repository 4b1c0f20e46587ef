"""The commands of `python -m training`."""

import logging
import os
import sys

import click
import torch

from audiocnn.errors import AudioCnnError
from training.cli.check import check_command
from training.cli.corpus import corpus
from training.cli.denoise import denoise
from training.cli.lr_find import lr_find_command
from training.cli.measure import baseline_command, calibrate_command, evaluate_command, robustness_command
from training.cli.quantize import quantize_command
from training.cli.report import report_command
from training.cli.silence import silence_command
from training.cli.train import crossval_command, publish_command, train_command
from training.stopping import Stopped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Train 1D CNNs on raw waveforms.

    \b
    python -m training check training/recipes/folders.toml --data my-clips
    python -m training train training/recipes/folders.toml --data my-clips
    torchrun --nproc-per-node 2 -m -- training train training/recipes/genre.toml --data emotify
    python -m training crossval training/recipes/genre.toml --data emotify --jobs 2
    """


for command in (
    check_command,
    lr_find_command,
    train_command,
    crossval_command,
    evaluate_command,
    calibrate_command,
    robustness_command,
    baseline_command,
    publish_command,
    quantize_command,
    report_command,
    corpus,
    denoise,
    silence_command,
):
    commands.add_command(command)


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def main() -> None:
    """Run a command; what the user can mend is one line on standard error and exit code 2.

    A run stopped by a signal is one line as well, and as in shells 128 and its number: 143, or 130 for Ctrl-C.
    """
    logging.basicConfig(level=logging.INFO if "RANK" in os.environ else logging.WARNING, format="%(message)s")
    try:
        commands(prog_name="python -m training")
    except AudioCnnError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        click.echo(
            f"error: cannot read or write{where}: {error.strerror or error}; take a folder that may be written and "
            "has room",
            err=True,
        )
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        click.echo(
            f"error: the memory is too small: {str(error).splitlines()[0]}; lower train.batch_size or input.window, "
            "raise train.accumulate, or choose a smaller network",
            err=True,
        )
        sys.exit(2)
    except Stopped as stopped:
        if os.environ.get("RANK", "0") == "0":  # once, not from every process
            click.echo(str(stopped), err=True)
        sys.exit(stopped.exit_code)
