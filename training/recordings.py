"""The recordings, as train, validation and test parts that share no speaker, source or artist."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

from audiocnn.audio.decode import open_audio
from audiocnn.audio.prepare import mono_samples
from audiocnn.errors import AudioError, ConfigError
from audiocnn.waveform import Samples
from training.progress import track

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)

_SPEAKERS: dict[str, Part] = {
    "george": "train",
    "jackson": "train",
    "lucas": "train",
    "nicolas": "train",
    "theo": "validation",
    "yweweler": "test",
}
_FOLDS: dict[str, Part] = {"1": "train", "2": "train", "3": "train", "4": "validation", "5": "test"}


def read_recordings(
    data: Path, corpora: Sequence[str], sample_rate: int, longest_s: int = 15
) -> dict[Part, list[Samples]]:
    """Mono recordings `(samples,)` at `sample_rate` Hz of the folders `data/CORPUS`, at most `longest_s` of each.

    corpora: of `CORPORA`. Raises `ConfigError` for an unknown one, a folder that is not there or is another one, and a
    speaker or fold that belongs to no part, an `AudioError` that names the file for one that cannot be decoded, and
    what `open_source` raises.
    """
    unknown = sorted(set(corpora) - set(CORPORA))
    if unknown or not corpora:
        raise ConfigError(f"corpora must be some of {', '.join(CORPORA)}, got {', '.join(corpora) or 'none'}")
    recordings: dict[Part, list[Samples]] = {part: [] for part in PARTS}
    for corpus in corpora:
        found = CORPORA[corpus](data / corpus)
        missing = [part for part in PARTS if not any(p == part for _, p in found)]
        if missing:
            raise ConfigError(f"found no recordings for {', '.join(missing)} in {data / corpus}; is it {corpus}?")
        for path, part in track(found, corpus, total=len(found)):
            recordings[part].append(_read(path, sample_rate, longest_s))
    return recordings


def _fsdd(folder: Path) -> list[tuple[Path, Part]]:
    """Free Spoken Digit Dataset: DIGIT_SPEAKER_INDEX.wav; four speakers train, one validates, one tests."""
    paths = sorted(folder.glob("*_*_*.wav"))
    return [(path, _part(_SPEAKERS, "speaker", path.stem.split("_")[1], path)) for path in paths]


def _by_fold(folder: Path) -> list[tuple[Path, Part]]:
    """clips.csv with path and fold: ESC-10's folds share no source, those of the Emotify set no artist."""
    table = folder / "clips.csv"
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = [(row["path"], row["fold"]) for row in csv.DictReader(file)]
    except (OSError, KeyError) as error:
        raise ConfigError(f"expected {table} with columns path and fold, 1 to 5: {error}") from error
    return [(folder / path, _part(_FOLDS, "fold", fold, table)) for path, fold in rows]


def _part(parts: dict[str, Part], kind: str, name: str, where: Path) -> Part:
    if name not in parts:
        raise ConfigError(f"{where} has the {kind} {name!r}; leave it out, expected {', '.join(parts)}")
    return parts[name]


CORPORA: dict[str, Callable[[Path], list[tuple[Path, Part]]]] = {"fsdd": _fsdd, "esc10": _by_fold, "emotify": _by_fold}
"""The files and their parts, by the corpus' name."""


def _read(path: Path, sample_rate: int, longest_s: int) -> Samples:
    """The recording without its constant offset; of a long one the middle."""
    try:
        with open_audio(path) as reader:
            mono = mono_samples(reader, sample_rate)
    except AudioError as error:
        raise type(error)(f"{path}: {error}") from error
    start = max(0, len(mono) - longest_s * sample_rate) // 2
    kept = mono[start : start + longest_s * sample_rate]
    centred: Samples = kept - kept.mean()
    return centred
