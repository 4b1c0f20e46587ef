"""`audiocnn classify`: labels for files and folders. Its options and what it does lie beside it, in `classify_*.py`."""

from typing import Any

import click

from audiocnn.cli.classify_options import Options, options
from audiocnn.cli.classify_run import run


@click.command(short_help="Label files and folders.")
@options
@click.pass_context
def classify(ctx: click.Context, /, **given: Any) -> None:
    """Label audio files, and the audio files in folders: WAV, FLAC, Ogg, MP3, AIFF, AU and CAF.

    With a model of images, video or volumes (see `audiocnn models`) it labels those.

    INPUT is a file, a folder, a pattern such as 'music/**/*.mp3', or - for a list of paths on standard input.
    A file that cannot be read gives a row that says why, and the others go on. With -o every answer is in the
    journal OUT.journal at once, and OUT is replaced when all is done: whatever stops a run, the same command
    goes on where it was, and does only what is new.

    Exit code: 0 all files were classified, 1 some failed, 2 the command could not run, 130 Ctrl-C, 143 SIGTERM.

    \b
    Examples:
      audiocnn classify song.wav
      audiocnn classify -r music -o genres.csv --top-k 1
      find music -name '*.mp3' -mtime -7 | audiocnn classify - -o new.csv
      audiocnn classify interview.mp3 --segments --format csv
      audiocnn classify -r music -o results --format parquet,audacity,m3u8
      audiocnn classify -r music --write-tags --dry-run
      audiocnn classify -r music | jq -r '[.path, .predictions[0].label] | @tsv'
    """
    ctx.exit(run(Options(**given)))
