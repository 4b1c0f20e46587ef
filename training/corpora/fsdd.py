"""Free Spoken Digit Dataset: English digits, 6 speakers, 50 recordings of each digit by each, 8 kHz.

Citation: Jackson, Souza, Flaks, Pan, Nicolas, Thite (2018), "Free Spoken Digit Dataset", v1.0.8,
https://doi.org/10.5281/zenodo.1342401. Source: the repository, or its folder of recordings, files named
`DIGIT_SPEAKER_INDEX.wav`, anywhere below the source folder.

Licence: CC BY-SA 4.0.

Split: `fold` and `group` are the speaker: leave one speaker out. The official split, indices 0 to 4 of every speaker
and digit for testing and the rest for training, is in the column `official`.

Traps: the official split has the same speakers on both sides and answers an easier question. A
speaker is also a microphone and an accent. Six speakers are few: a fold is one person, so give all six figures, not
only their mean. Clips are trimmed and from 0.14 to 2.3 s long, and how long is a cue to the speaker.
The corpus has grown: older copies have fewer speakers.
"""

import re
from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.audio import check_audio, place
from training.corpora.folder import need_folder, new_corpus
from training.progress import track

_NAME = re.compile(r"(\d)_([^_]+)_(\d+)\.wav")
_OFFICIAL_TEST = 5


def convert(source: Path, destination: Path, *, link: bool = False) -> str:
    """Put the recordings in `destination`: `7/7_theo_12.wav`. Labels are the digits, `0` to `9`.

    link: hard links instead of copies, where possible. Returns a summary. Raises `ConfigError` if there are none, for
    files that are damaged or there twice, a speaker who lacks a digit, and an existing destination.
    """
    need_folder(source, "files named DIGIT_SPEAKER_INDEX.wav such as 7_theo_12.wav")
    found: dict[str, tuple[Path, str, str, int]] = {}
    for path in sorted(source.rglob("*.wav")):
        name = _NAME.fullmatch(path.name)
        if name:
            other = found.setdefault(path.name, (path, name[1], name[2], int(name[3])))[0]
            if other != path:
                raise ConfigError(f"{path} and {other} are the same recording; keep one of them")
    _check_speakers(source, {(speaker, digit) for _, digit, speaker, _ in found.values()})
    with new_corpus(destination) as corpus:
        for path, digit, speaker, index in track(found.values(), "recordings", len(found)):
            check_audio(path)
            official = "test" if index < _OFFICIAL_TEST else "train"
            target = corpus.add(f"{digit}/{path.name}", digit, fold=speaker, group=speaker, official=official)
            place(path, target, link=link)
        return corpus.summary()


def _check_speakers(source: Path, found: set[tuple[str, str]]) -> None:
    speakers = sorted({speaker for speaker, _ in found})
    if len(speakers) < 2:
        raise ConfigError(
            f"{source} has recordings of {len(speakers)} speakers, files named DIGIT_SPEAKER_INDEX.wav; at least 2 are "
            "needed to leave one out"
        )
    for speaker in speakers:
        missing = [digit for digit in "0123456789" if (speaker, digit) not in found]
        if missing:
            raise ConfigError(f"{source} has no {', '.join(missing)} by {speaker}; fetch the recordings again")
