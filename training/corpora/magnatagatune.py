"""MagnaTagATune: 25,863 excerpts of 29 s of music from the Magnatune label, with the tags that players of a game gave.

Citation: Law, West, Mandel, Bay, Downie (2009), "Evaluation of algorithms using games: the case of music tagging",
Proceedings of the 10th ISMIR Conference. Source: a folder with `annotations_final.csv` and the excerpts, folders `0` to
`9` and `a` to `f`, as the three parts of the archive unpack.

Licence: none was published with the tags; the recordings are Magnatune's, CC BY-NC-SA: weights trained on them are for
non-commercial use.

Split: by folder, 12:1:3, as nearly all papers have it: 0 to b for training, c for validation, d to f for test. The 50
most frequent tags are the labels. Two versions of it are in use: `clean` has the excerpts with at least one of these
tags and at least 29.1 s, 21,108 (15,247, 1,529, 4,332), `full` all, 25,860 (18,706, 1,825, 5,329).

Traps: the area under the precision-recall curve is about 0.1 higher on `clean`: say which. Artists are on several sides
of the split. Synonyms are labels of their own (`vocal`, `vocals`, `singing`; `no vocals`, `no vocal`), and a tag that
nobody gave may still be true. MP3 at 32 kbit/s and 16 kHz. Three excerpts are empty files and left out.
"""

import string
from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.audio import LeftOut, place
from training.corpora.folder import new_corpus
from training.corpora.table import read_table
from training.progress import track

ANNOTATIONS = "annotations_final.csv"

TAGS = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano",
    "ambient", "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing",
    "vocals", "no vocals", "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop",
    "soft", "sitar", "solo", "man", "classic", "choir", "voice", "new age", "dance", "male voice",
    "female vocal", "beats", "harp", "cello", "no voice", "weird", "country", "metal", "female voice", "choral",
)  # fmt: skip
"""The 50 most frequent of 188 tags, the most frequent first."""

SPLITS = dict.fromkeys("0123456789ab", "train") | {"c": "validation"} | dict.fromkeys("def", "test")

SHORTEST_S = 29.1
"""Of the clean version."""

BROKEN = (
    "norine_braun-now_and_zen-08-gently-117-146",
    "jacob_heringman-josquin_des_prez_lute_settings-19-gintzler__pater_noster-204-233",
    "american_baroque-dances_and_suites_of_rameau_and_couperin-25-le_petit_rien_xiveme_ordre_couperin-88-117",
)


def convert(
    source: Path, destination: Path, *, version: str = "clean", skip_broken: bool = False, link: bool = False
) -> str:
    """Put the excerpts of `version`, `clean` or `full`, in `destination` under their own paths.

    `label` has the tags, separated by `|`, for `kind = "multi_label"`; in the full version it may be empty.
    skip_broken: leave out any excerpt that cannot be read, not only the known ones. link: hard links instead of copies,
    where possible. Returns a summary, which names what was left out. Raises `ConfigError` for another version, a table
    of another form, excerpts that are missing or damaged, and an existing destination.
    """
    if version not in ("clean", "full"):
        raise ConfigError(f"version must be clean or full, got {version!r}")
    path = source / ANNOTATIONS
    what = f"{ANNOTATIONS} and the folders 0 to 9 and a to f"
    rows = read_table(path, what, ("clip_id", "mp3_path"), inside="mp3_path", delimiter="\t")
    missing = [tag for tag in TAGS if tag not in rows[0]]
    if missing:
        raise ConfigError(f"{path} has no columns {', '.join(missing)}; fetch it again")
    left_out = LeftOut(BROKEN, all=skip_broken)
    with new_corpus(destination) as corpus:
        for number, row in enumerate(track(rows, "excerpts", len(rows)), start=1):
            tags = [tag for tag in TAGS if _has(row[tag], tag, path, number)]
            folder = row["mp3_path"].split("/")[0]
            if folder not in SPLITS:
                raise ConfigError(
                    f"row {number} of {path} has the folder {folder!r}, expected one of {string.hexdigits[:16]}; "
                    "fetch it again"
                )
            if version == "clean" and not tags:
                continue
            excerpt = source / row["mp3_path"]
            seconds = left_out.check(excerpt)
            if seconds is None or (version == "clean" and seconds < SHORTEST_S):
                continue
            label = "|".join(tags)
            place(excerpt, corpus.add(row["mp3_path"], label, split=SPLITS[folder], clip_id=row["clip_id"]), link=link)
        if not corpus.rows:
            raise ConfigError(f"{path} has no excerpt of the {version} version; fetch it again")
        return _summary(corpus.rows) + left_out.summary()


def _has(value: str, tag: str, path: Path, number: int) -> bool:
    if value not in ("0", "1"):
        raise ConfigError(f"row {number} of {path} must have 0 or 1 as {tag}, it has {value!r}; fetch it again")
    return value == "1"


def _summary(rows: list[dict[str, str]]) -> str:
    """How many there are in each split: the number of combinations of tags would say little."""
    splits = [row["split"] for row in rows]
    counts = ", ".join(f"{split} {splits.count(split)}" for split in ("train", "validation", "test"))
    return f"{len(rows)} files; {counts}"
