"""Speech Commands: single English words of up to 1 s, 16 kHz, by thousands of speakers with their own microphones.

Citation: Warden (2018), "Speech Commands: a dataset for limited-vocabulary speech recognition", arXiv:1804.03209.
Source: the archive as published, unpacked: a folder for each word with `SPEAKER_nohash_INDEX.wav`,
`validation_list.txt` and `testing_list.txt`. Version 2 has 105,829 recordings of 35 words, version 1 64,727 of 30.

Licence: CC BY 4.0.

Split: official, by speaker: what neither list names is for training. `group` is the speaker.

Traps: `_background_noise_` is not a word, and left out. The 12-class task of many papers (ten words, unknown, silence)
has a test archive of its own and is not this one: say which, and which version. Not all clips last 1 s. Some were cut
in the middle of the word or say another one. Words differ in number, from 1,500 to 4,000: look at macro F1 too.
"""

from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.audio import check_audio, place
from training.corpora.folder import need_file, new_corpus
from training.progress import track

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}

_FILES = "a folder for each word, validation_list.txt and testing_list.txt"


def convert(source: Path, destination: Path, *, link: bool = False) -> str:
    """Put the recordings in `destination` under their own paths: `yes/0a7c2a8d_nohash_0.wav`.

    link: hard links instead of copies, where possible. Returns a summary. Raises `ConfigError` for a missing or empty
    list, recordings that are listed and missing, in both lists or damaged, and an existing destination.
    """
    split_of: dict[str, str] = {}
    for split, name in LISTS.items():
        for path in _read_list(source / name):
            if split_of.setdefault(path, split) != split:
                raise ConfigError(f"{path} is in both {' and '.join(LISTS.values())}; fetch the lists again")
    paths = sorted(path.relative_to(source).as_posix() for path in source.glob("[!_.]*/*_nohash_*.wav"))
    missing = sorted(split_of.keys() - set(paths))
    if missing:
        raise ConfigError(f"{source} lacks {len(missing)} of the listed recordings, the first is {missing[0]}")
    with new_corpus(destination) as corpus:
        for path in track(paths, "recordings", len(paths)):
            check_audio(source / path)
            word, name = path.split("/")
            target = corpus.add(path, word, split=split_of.get(path, "train"), group=name.split("_nohash_")[0])
            place(source / path, target, link=link)
        return corpus.summary()


def _read_list(path: Path) -> list[str]:
    need_file(path, _FILES)
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    if not lines:
        raise ConfigError(f"{path} is empty; fetch it again")
    return lines
