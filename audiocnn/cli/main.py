"""The command line's entry: the group of commands, and what ends them early.

Commands import what they need when they run, so that `--help` is instant and only `export`, `inspect` and `models`
ever load torch.
"""

import os
import signal
from typing import Any

import click

from audiocnn import __version__
from audiocnn.cli.classify import classify
from audiocnn.cli.export import export
from audiocnn.cli.inspect import inspect
from audiocnn.cli.interrupt import Stops
from audiocnn.cli.models import models
from audiocnn.cli.streams import prepare_streams
from audiocnn.errors import AudioCnnError

_SIGNALLED = 128
"""What shells add to the number of the signal that ended a process."""


class _Failure(click.ClickException):
    """The command could not do its work: not one file among many, which is exit code 1."""

    exit_code = 2


class _Commands(click.Group):
    """Gives every command the same ends: errors as one line, a stop and a closed pipe without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        stops = Stops()
        try:
            with stops:
                return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException):
            raise
        except (KeyboardInterrupt, Exception) as error:
            number = stops.number or (signal.SIGINT if isinstance(error, KeyboardInterrupt) else None)
            if number is not None:
                ctx.exit(_SIGNALLED + number)
            if isinstance(error, AudioCnnError):
                raise _Failure(str(error)) from error
            if isinstance(error, BrokenPipeError):
                ctx.exit(_SIGNALLED + signal.SIGPIPE)
            if isinstance(error, OSError):
                raise _Failure(f"{error.filename or 'standard output'}: {error.strerror}") from error
            raise


@click.group(
    "audiocnn", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Classify audio with 1D CNNs on raw waveforms.

    \b
    Examples:
      audiocnn classify song.wav                       a table on the terminal
      audiocnn classify -r music -o genres.csv         a folder and all below it
      audiocnn classify *.mp3 | jq '.predictions[0]'   JSON Lines into a pipe
      audiocnn models                                  what --model can be
      audiocnn inspect genre                           its layers, filters and what they respond to
    """


for command in (classify, models, inspect, export):
    cli.add_command(command)


def main() -> None:
    """Run the command line and exit with its code."""
    prepare_streams()
    try:
        cli(prog_name="audiocnn")
    except SystemExit as end:
        if isinstance(end.code, int) and end.code > _SIGNALLED:
            # A thread may still be at work, and an ordinary exit waits for it. Finished rows have been flushed or are
            # in the journal; what is still in a buffer has nowhere to go.
            os._exit(end.code)
        raise
