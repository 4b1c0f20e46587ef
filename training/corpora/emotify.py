"""Emotify: 400 minutes of music from the Magnatune label in four genres, with the emotions that listeners reported.

Citation: Aljanaki, Wiering, Veltkamp (2016), "Studying emotion induced by music through a crowdsourcing game",
Information Processing and Management 52(1). Source: a folder with the recordings and `clips.csv`, a row for each:
path, genre, fold, artist, the means over its raters (below) and more.

Licence: none was published; the authors ask to be cited. The recordings are Magnatune's, CC BY-NC-SA: weights trained
on them are for non-commercial use, and their card says so.

Split: none is official. The five folds of `clips.csv` have 20 recordings of each genre and no artist in two; `group`
is the artist.

Traps: 400 recordings are by 138 artists, so a random split measures who plays. Pop and rock are nearly the same label
here: report the two merged as well. One label is one way of mastering: expect less elsewhere. From 11 to 59 raters
heard a recording, and could choose up to three of the nine emotions, so shares are noisy and go with each other.
"""

from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.audio import check_audio, place
from training.corpora.folder import new_corpus
from training.corpora.table import read_table
from training.progress import track

CLIPS = "clips.csv"

EMOTIONS = (
    "amazement",
    "solemnity",
    "tenderness",
    "nostalgia",
    "calmness",
    "power",
    "joyful_activation",
    "tension",
    "sadness",
)
"""Columns: the share of raters who chose each."""

RANGES = {"liked": (0, 1), "disliked": (0, 1), "mood": (1, 5), **dict.fromkeys(EMOTIONS, (0, 1))}
"""Quantities in the manifest, for regression: shares of raters, and the mood they were in, from 1 to 5."""


def convert(source: Path, destination: Path, *, link: bool = False) -> str:
    """Put the recordings in `destination` under their paths in `clips.csv`, all columns of which go to the manifest.

    The genre becomes `label`; `liked_by` is `most` where more than half of the raters liked it, else `few`.
    link: hard links instead of copies, where possible. Returns a summary. Raises `ConfigError` for recordings that are
    missing or damaged, numbers out of their range, an artist in two folds, and an existing destination.
    """
    path = source / CLIPS
    rows = read_table(path, f"{CLIPS} and the recordings it lists", ("path", "genre", "fold", "artist", *RANGES))
    _check_numbers(path, rows)
    _check_artists(path, rows)
    with new_corpus(destination) as corpus:
        for row in track(rows, "recordings", len(rows)):
            recording = source / row["path"]
            check_audio(recording)
            liked_by = "most" if float(row["liked"]) > 0.5 else "few"
            columns = {**row, "label": row["genre"], "group": row["artist"], "liked_by": liked_by}
            place(recording, corpus.add(**columns), link=link)
        return corpus.summary()


def _check_numbers(path: Path, rows: list[dict[str, str]]) -> None:
    for number, row in enumerate(rows, start=1):
        for column, (low, high) in RANGES.items():
            try:
                fits = low <= float(row[column]) <= high
            except ValueError:
                fits = False
            if not fits:
                raise ConfigError(
                    f"row {number} of {path} must have a number from {low} to {high} as {column}, it has "
                    f"{row[column]!r}; fetch the file again"
                )


def _check_artists(path: Path, rows: list[dict[str, str]]) -> None:
    fold_of: dict[str, str] = {}
    for row in rows:
        if fold_of.setdefault(row["artist"], row["fold"]) != row["fold"]:
            raise ConfigError(
                f"{path} has {row['artist']} in the folds {fold_of[row['artist']]} and {row['fold']}; "
                "an artist must be in one"
            )
