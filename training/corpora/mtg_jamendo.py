"""MTG-Jamendo: 55,000 whole tracks from Jamendo with the genres that artists gave them; 87 tags in the official splits.

Citation: Bogdanov, Won, Tovstogan, Porter, Serra (2019), "The MTG-Jamendo dataset for automatic music tagging", Machine
Learning for Music Discovery Workshop, ICML. Source: the repository as published, with
`data/splits/split-0/autotagging_genre-train.tsv` and so on, and the folder of tracks, `14/214.mp3` as fetched, or
`14/214.low.mp3` of the smaller copy.

Licence: CC BY-NC-SA 4.0 for the metadata; each track has its artist's own Creative Commons licence, listed in
`audio_licenses.txt` of the repository. Many forbid commercial use, and so for weights trained on all.

Split: five official ones, each 60:20:20 without an artist (`group`) on two sides. Report the mean over the five, or say
which one; published figures are of split 0.

Traps: macro figures weigh tags with a few hundred tracks as much as `electronic`. Tags are the artists' own and
incomplete. Tracks last from half a minute to an hour, and tags may be true of a part: draw windows from all of it.
"""

from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.audio import LeftOut, place
from training.corpora.folder import need_file, need_folder, new_corpus
from training.corpora.table import check_inside
from training.progress import track

NUM_SPLITS = 5

PREFIX = "genre---"

_HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]


def convert(
    source: Path,
    destination: Path,
    *,
    audio: Path | None = None,
    split: int = 0,
    skip_broken: bool = False,
    link: bool = False,
) -> str:
    """Put the tracks of the genre split number `split`, from 0 to 4, in `destination` under their own paths.

    `label` has the genres, separated by `|`, for `kind = "multi_label"`. audio: the folder of tracks, `source` if left
    out. skip_broken: leave out tracks that cannot be read. link: hard links instead of copies, where possible. Returns
    a summary, which names what was left out. Raises `ConfigError` for another split, a table of another form, an artist
    on two sides, tracks that are missing or damaged, and an existing destination.
    """
    if split not in range(NUM_SPLITS):
        raise ConfigError(f"split must be from 0 to {NUM_SPLITS - 1}, got {split!r}")
    audio = audio or source
    need_folder(audio, "14/214.mp3 and so on")
    tables = {
        name: _read_split(source / f"data/splits/split-{split}/autotagging_genre-{name}.tsv")
        for name in ("train", "validation", "test")
    }
    _check_artists(tables)
    left_out = LeftOut((), all=skip_broken)
    rows = [(name, row) for name, table in tables.items() for row in table]
    with new_corpus(destination) as corpus:
        for name, (path, artist, tags) in track(rows, "tracks", len(rows)):
            low = (audio / path).with_suffix(".low.mp3")
            recording = low if low.is_file() else audio / path
            if left_out.check(recording) is not None:
                place(recording, corpus.add(path, "|".join(tags), split=name, group=artist), link=link)
        counts = ", ".join(f"{name} {sum(row['split'] == name for row in corpus.rows)}" for name in tables)
        genres = {tag for _, (_, _, tags) in rows for tag in tags}
        return f"{len(corpus.rows)} files; {counts}; {len(genres)} genres{left_out.summary()}"


def _read_split(path: Path) -> list[tuple[str, str, list[str]]]:
    """Path, artist and genres of each track. A row has as many values behind DURATION as the track has tags."""
    need_file(path, "autotagging_genre-train.tsv, -validation.tsv and -test.tsv")
    try:
        header, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    if header.split("\t") != _HEADER or not lines:
        raise ConfigError(f"{path} must begin with {' '.join(_HEADER)} and have a row for each track; fetch it again")
    rows = []
    for number, line in enumerate(lines, start=1):
        _, artist, _, clip, *rest = [*line.split("\t"), "", "", "", ""]
        tags = [tag.removeprefix(PREFIX) for tag in rest[1:] if tag.startswith(PREFIX)]
        if not artist or not clip.endswith(".mp3") or not tags:
            raise ConfigError(f"row {number} of {path} must have an artist, a path and genres, it is {line!r}")
        check_inside(path, number, clip)
        rows.append((clip, artist, tags))
    return rows


def _check_artists(tables: dict[str, list[tuple[str, str, list[str]]]]) -> None:
    side_of: dict[str, str] = {}
    for name, rows in tables.items():
        for _, artist, _ in rows:
            if side_of.setdefault(artist, name) != name:
                raise ConfigError(f"{artist} is in both {side_of[artist]} and {name}; fetch the splits again")
