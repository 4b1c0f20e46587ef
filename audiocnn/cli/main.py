"""The command line's entry: the group of commands, and what ends them early.

Commands import what they need when they run, so that `--help` is instant and only `export`, `inspect` and `models`
ever load torch.
"""

import os
from typing import Any

import click

from audiocnn import __version__
from audiocnn.cli.classify import classify
from audiocnn.cli.export import export
from audiocnn.cli.inspect import inspect
from audiocnn.cli.interrupt import Terminated, sigterm_interrupts
from audiocnn.cli.models import models
from audiocnn.errors import AudioCnnError

INTERRUPTED, PIPE_CLOSED, TERMINATED = 130, 141, 143
"""Exit codes as shells give them for the signals SIGINT, SIGPIPE and SIGTERM."""


class _Failure(click.ClickException):
    """The command could not do its work: not one file among many, which is exit code 1."""

    exit_code = 2


class _Commands(click.Group):
    """Gives every command the same ends: errors as one line, Ctrl-C, SIGTERM and a closed pipe without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with sigterm_interrupts():
                return super().invoke(ctx)
        except AudioCnnError as error:
            raise _Failure(str(error)) from error
        except Terminated:
            ctx.exit(TERMINATED)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            ctx.exit(PIPE_CLOSED)
        except OSError as error:
            raise _Failure(f"{error.filename or 'standard output'}: {error.strerror}") from error


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
    try:
        cli(prog_name="audiocnn")
    except SystemExit as end:
        if end.code in (INTERRUPTED, PIPE_CLOSED, TERMINATED):
            # A thread may still be at work, and an ordinary exit waits for it. Finished rows have been flushed or are
            # in the journal; what is still in a buffer has nowhere to go.
            os._exit(int(end.code))
        raise
