"""FMA: excerpts of 30 s from the Free Music Archive by genre; `small` 8,000 in 8 genres, `medium` 25,000 in 16.

Citation: Defferrard, Benzi, Vandergheynst, Bresson (2017), "FMA: a dataset for music analysis", Proceedings of the 18th
ISMIR Conference, arXiv:1612.01840. Source: a folder with the archives as published, unpacked:
`fma_metadata/tracks.csv`, and `fma_small` or `fma_medium` with `000/000002.mp3` and so on.

Licence: CC BY 4.0 for the metadata; each track has its artist's own, a Creative Commons one as a rule, in the column
`licence`.

Split: official, 80 % for training and 10 % each for validation and test; no artist (`group`) in two. The label is the
top genre.

Traps: 99134, 108925 and 133297 have no sound and are left out where they cannot be read; a few others last a second or
two. `small` has as many tracks of each genre, `medium` from 21 to over 7,000: look at macro F1 too. Genres were chosen
by the artists. Published figures above 0.7 on `small` with networks trained from scratch are of other splits, or of
other measures than accuracy.
"""

import csv
from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.audio import LeftOut, place
from training.corpora.folder import need_file, need_folder, new_corpus
from training.progress import track

TRACKS = "fma_metadata/tracks.csv"

SUBSETS = {"small": ("small",), "medium": ("small", "medium")}
"""What the column `subset` says of the tracks of each: the smaller one is a part of the larger."""

BROKEN = ("099134", "108925", "133297")

SPLITS = {"training": "train", "validation": "validation", "test": "test"}

_COLUMNS = {
    "split": ("set", "split"),
    "subset": ("set", "subset"),
    "label": ("track", "genre_top"),
    "licence": ("track", "license"),
    "group": ("artist", "id"),
}
_LONGEST_FIELD = 2**24  # lives of artists are longer than Python's default


def convert(
    source: Path, destination: Path, *, subset: str = "small", skip_broken: bool = False, link: bool = False
) -> str:
    """Put the tracks of `subset`, `small` or `medium`, in `destination`: `Hip-Hop/000002.mp3`.

    skip_broken: leave out any track that cannot be read, not only the known ones. link: hard links instead of copies,
    where possible. Returns a summary, which names what was left out. Raises `ConfigError` for another subset, a table
    of another form, tracks that are missing or damaged, and an existing destination.
    """
    if subset not in SUBSETS:
        raise ConfigError(f"subset must be small or medium, got {subset!r}")
    rows = _read_tracks(source / TRACKS, subset)
    audio = source / f"fma_{subset}"
    need_folder(audio, "000/000002.mp3 and so on")
    left_out = LeftOut(BROKEN, all=skip_broken)
    with new_corpus(destination) as corpus:
        for name, row in track(rows.items(), f"fma_{subset}", len(rows)):
            path = audio / name[:3] / f"{name}.mp3"
            if left_out.check(path) is not None:
                columns = {key: row[key] for key in ("group", "licence")}
                target = corpus.add(f"{row['label']}/{path.name}", row["label"], split=SPLITS[row["split"]], **columns)
                place(path, target, link=link)
        return corpus.summary() + left_out.summary()


def _read_tracks(path: Path, subset: str) -> dict[str, dict[str, str]]:
    """What `_COLUMNS` names of each track of `subset`, by its number in six digits.

    The table has three header rows: groups of columns, columns, and the name of the index, `track_id`.
    """
    need_file(path, TRACKS)
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    finally:
        csv.field_size_limit(before)
    header = list(zip(*lines[:2], strict=False))
    if not set(_COLUMNS.values()).issubset(header) or [line[:1] for line in lines[2:3]] != [["track_id"]]:
        raise ConfigError(
            f"{path} must have three header rows, the last of which begins with track_id, and the columns "
            f"{', '.join(map(' '.join, _COLUMNS.values()))}; fetch it again"
        )
    places = {name: header.index(column) for name, column in _COLUMNS.items()}
    found = {}
    for number, row in enumerate(lines[3:], start=4):
        if len(row) != len(header):
            raise ConfigError(f"line {number} of {path} has {len(row)} values, expected {len(header)}; fetch it again")
        values = {name: row[place] for name, place in places.items()}
        if values["subset"] not in SUBSETS[subset]:
            continue
        if not row[0].isdecimal() or not values["label"] or "/" in values["label"] or values["split"] not in SPLITS:
            raise ConfigError(
                f"line {number} of {path} must have a number, a split and a genre, it has {row[0]!r}, "
                f"{values['split']!r} and {values['label']!r}; fetch it again"
            )
        found[f"{int(row[0]):06d}"] = values
    if not found:
        raise ConfigError(f"{path} has no track of the subset {subset}; fetch it again")
    return found
