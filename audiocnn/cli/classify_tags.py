"""What `audiocnn classify` writes into the recordings themselves, and the names it takes for that."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from audiocnn.batch.formats.outputs import FORMATS
from audiocnn.batch.genre_map import GenreMap
from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN, ModelSpec

if TYPE_CHECKING:
    from audiocnn.batch.formats.selection import Selection
    from audiocnn.batch.tags.run import Tagger
    from audiocnn.cli.classify_options import Options


def check_combinations(options: "Options", formats: Sequence[str]) -> None:
    """Raises `click.UsageError` for options that would do nothing beside the others."""
    if not options.write_tags:
        for given, name in ((options.dry_run, "--dry-run"), (options.overwrite, "--overwrite")):
            if given:
                raise click.UsageError(f"{name} is about tags: give --write-tags too")
        if options.genre_map is not None and "m3u8" not in formats:
            raise click.UsageError("--genre-map names tags and playlists: give --write-tags or --format m3u8 too")
    if options.merge_consecutive and not options.segments and not any(FORMATS[name].of_windows for name in formats):
        raise click.UsageError("--merge-consecutive is about windows: give --segments or --format audacity too")


def names_for(options: "Options", spec: ModelSpec) -> GenreMap:
    """The genre map that was given, or an empty one; says which of its labels the model does not know."""
    if options.genre_map is None:
        return GenreMap()
    genre_map = GenreMap.read(options.genre_map)
    labels = spec.tasks[MAIN].labels
    strangers = genre_map.strangers(labels)
    if strangers and len(strangers) == len(genre_map.names):
        raise ConfigError(f"{options.genre_map} names none of the labels {', '.join(labels)}; labels come first in it")
    if strangers and not options.quiet:
        click.echo(f"{options.genre_map}: the model has no label {', '.join(map(repr, strangers))}", err=True)
    return genre_map


def tagger_for(options: "Options", spec: ModelSpec, selection: "Selection") -> "Tagger | None":
    """What writes tags, if they were asked for."""
    if not options.write_tags:
        return None
    from audiocnn.batch.tags.run import Tagger, check_tags  # needs an extra

    check_tags(spec)
    return Tagger(selection, options.overwrite, options.dry_run)
