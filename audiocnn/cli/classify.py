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

    A file that cannot be read gives a row that says why, and the others go on. OUT is replaced when all is done;
    until then the finished rows lie in OUT.part.

    Exit code: 0 all files were classified, 1 some failed, 2 the command could not run.

    \b
    Examples:
      audiocnn classify song.wav
      audiocnn classify -r music -o genres.csv --top-k 1
      audiocnn classify interview.mp3 --segments --format csv
      audiocnn classify -r music -o results --format parquet,audacity,m3u8
      audiocnn classify -r music --write-tags --dry-run
      audiocnn classify -r music | jq -r '[.path, .predictions[0].label] | @tsv'
    """
    ctx.exit(run(Options(**given)))
