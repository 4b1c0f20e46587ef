"""GTZAN: 1,000 excerpts of music of 30 s in ten genres, of which 930 are in an artist-filtered split.

Citation: Tzanetakis, Cook (2002), "Musical genre classification of audio signals", IEEE Transactions on Speech and
Audio Processing 10(5); split: Kereliuk, Sturm, Larsen (2015), "Deep learning and music adversaries", IEEE Transactions
on Multimedia 17(11). Source: a folder with `GENRE.NUMBER.wav` or `.au` such as `blues.00012.wav`, at any depth.

Licence: none; the authors did not clear the recordings. Get them yourself, ship neither audio nor weights.

Split: the artist-filtered lists `train_filtered.txt` (443), `valid_filtered.txt` (197) and `test_filtered.txt` (290):
no artist on two sides. They name no artists, so there is no `group`.

Traps: random splits share artists, even recordings, and give figures far too good.
Sturm (2013), "The GTZAN dataset: its contents, its faults", lists repetitions, wrong labels and distortion. A copy
in wide use has a broken `jazz.00054.wav`, which is left out where it cannot be read. Copies differ: check the bytes.
"""

import hashlib
import re
from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.audio import LeftOut, place
from training.corpora.folder import need_file, need_folder, new_corpus
from training.progress import track

LISTS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt", "test": "test_filtered.txt"}

BROKEN = "jazz.00054"

_CHECKSUM = re.compile(r"([0-9a-f]{64}) \d+ (\S+)")


def convert(
    source: Path, destination: Path, *, lists: Path | None = None, checksums: Path | None = None, link: bool = False
) -> str:
    """Put the listed excerpts in `destination`: `blues/blues.00012.wav`.

    lists: the folder with the three lists, a file such as `blues/blues.00012.wav` on each line; `source` if left out.
    checksums: a file with lines of SHA-256, bytes and file name; the excerpts that it names must be those files.
    link: hard links instead of copies, where possible. Returns a summary, which says whether the known broken excerpt
    was left out. Raises `ConfigError` for missing or wrong lists, excerpts that are missing, damaged or other files
    than `checksums` says, and an existing destination.
    """
    split_of = _read_lists(lists or source)
    expected = _read_checksums(checksums) if checksums else {}
    found = _find(source)
    missing = [stem for stem in split_of if stem not in found]
    if missing:
        raise ConfigError(
            f"{source} lacks {len(missing)} of the {len(split_of)} listed excerpts, first {missing[0]}.wav"
        )
    if checksums and not any(found[stem].name in expected for stem in split_of):
        raise ConfigError(f"{checksums} names none of the files in {source}; leave it out for another copy")
    left_out = LeftOut((BROKEN,))
    with new_corpus(destination) as corpus:
        for stem, split in track(split_of.items(), "excerpts", len(split_of)):
            path = found[stem]
            _check_bytes(path, expected)
            if left_out.check(path) is not None:
                genre = stem.split(".")[0]
                place(path, corpus.add(f"{genre}/{path.name}", genre, split=split), link=link)
        return corpus.summary() + left_out.summary()


def _read_lists(lists: Path) -> dict[str, str]:
    """The split of each excerpt, by its name without folder and suffix."""
    split_of: dict[str, str] = {}
    for split, name in LISTS.items():
        stems = [Path(line).stem for line in _read_text(lists / name, ", ".join(LISTS.values())).split()]
        if not stems:
            raise ConfigError(f"{lists / name} is empty; fetch it again")
        twice = next((stem for stem in stems if split_of.setdefault(stem, split) != split), None)
        if twice:
            raise ConfigError(f"{twice} is in two of the lists in {lists}; fetch them again")
    return split_of


def _read_checksums(path: Path) -> dict[str, str]:
    lines = _read_text(path, "lines of SHA-256, bytes and file name").splitlines()
    parsed = [_CHECKSUM.fullmatch(line) for line in lines]
    wrong = next((number for number, match in enumerate(parsed, start=1) if match is None), None)
    if wrong:
        raise ConfigError(f"line {wrong} of {path} is {lines[wrong - 1]!r}; expected SHA-256, bytes and file name")
    return {match[2]: match[1] for match in parsed if match}


def _read_text(path: Path, what: str) -> str:
    need_file(path, what)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error


def _find(source: Path) -> dict[str, Path]:
    need_folder(source, "files named GENRE.NUMBER.wav or .au such as blues.00012.wav")
    found: dict[str, Path] = {}
    for path in sorted(source.rglob("*.*")):
        if re.fullmatch(r"[a-z]+\.\d{5}\.(wav|au)", path.name):
            other = found.setdefault(path.stem, path)
            if other != path:
                raise ConfigError(f"{path} and {other} are the same excerpt; keep one of them")
    return found


def _check_bytes(path: Path, expected: dict[str, str]) -> None:
    if path.name in expected:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != expected[path.name]:
            raise ConfigError(
                f"{path} has the SHA-256 {digest}, expected {expected[path.name]}; fetch it again, or leave the "
                "checksums out for another copy"
            )
