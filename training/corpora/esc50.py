"""ESC-50: environmental sounds, 2,000 clips of 5 s in 50 classes; ESC-10 is 400 of them in 10.

Citation: Piczak (2015), "ESC: dataset for environmental sound classification", Proceedings of the 23rd ACM Conference
on Multimedia, https://doi.org/10.1145/2733373.2806390. Source: the repository as published, with `meta/esc50.csv` and
`audio/*.wav`; or, for ESC-10, a folder with `clips.csv` (path, label, fold, freesound_id) and the clips it lists.

Licence: CC BY-NC 3.0 for ESC-50; the clips of ESC-10 are free for commercial use, CC BY 3.0 as a set. Every clip is
from Freesound and has its own terms and author.

Split: five official folds, no recording in two of them. `group` is the recording on Freesound. There is no validation
set: hold one out of the four training folds, or the test fold is what epochs are chosen on.

Traps: several clips come from one recording, so a random split leaks. Many are shorter than 5 s and end in digital
silence, others repeat to fill it: leave silent windows out. Clips are Ogg Vorbis at heart, converted to WAV. ESC-10's
own release calls four classes otherwise; here they always have the names of ESC-50. A fold of ESC-10 is 80 clips, so
one clip is 0.0125 of its accuracy: report several seeds.
"""

from pathlib import Path, PurePath

from audiocnn.errors import ConfigError
from training.corpora.audio import check_audio, place
from training.corpora.folder import new_corpus
from training.corpora.table import read_table
from training.progress import track

META = "meta/esc50.csv"
CLIPS = "clips.csv"

ESC10_NAMES = {
    "baby_cry": "crying_baby",
    "dog_bark": "dog",
    "fire_crackling": "crackling_fire",
    "person_sneeze": "sneezing",
}
"""Classes of ESC-10's own release that ESC-50 names otherwise."""


def convert(source: Path, destination: Path, *, subset: str = "esc50", link: bool = False) -> str:
    """Put the clips of `subset`, `esc50` or `esc10`, in `destination`: `dog/1-100032-A-0.wav`.

    link: hard links instead of copies, where possible. Returns a summary. Raises `ConfigError` for another subset,
    clips that are missing, damaged or of another fold than their name says, and an existing destination.
    """
    if subset not in ("esc50", "esc10"):
        raise ConfigError(f"subset must be esc50 or esc10, got {subset!r}")
    clips = _read_clips(source, subset)
    with new_corpus(destination) as corpus:
        for path, label, fold, recording in track(clips, subset, len(clips)):
            if path.name.split("-")[0] != fold:
                raise ConfigError(f"{path} is in fold {fold}, its name begins with another; fetch the table again")
            check_audio(path)
            place(path, corpus.add(f"{label}/{path.name}", label, fold=fold, group=recording), link=link)
        return corpus.summary()


def _read_clips(source: Path, subset: str) -> list[tuple[Path, str, str, str]]:
    """Path, label, fold and recording of each clip, from whichever table there is."""
    if subset == "esc10" and (source / CLIPS).is_file():
        rows = read_table(source / CLIPS, "the clips it lists", ("path", "label", "fold", "freesound_id"))
        return [
            (source / row["path"], ESC10_NAMES.get(row["label"], row["label"]), row["fold"], row["freesound_id"])
            for row in rows
        ]
    needed = ("filename", "fold", "category", "esc10", "src_file")
    rows = read_table(source / META, "meta/esc50.csv and audio/*.wav", needed, inside="filename")
    chosen = [row for row in rows if subset == "esc50" or row["esc10"] == "True"]
    if not chosen:
        raise ConfigError(f"{source / META} has no clip with True in the column esc10; fetch it again")
    return [
        (source / "audio" / PurePath(row["filename"]).name, row["category"], row["fold"], row["src_file"])
        for row in chosen
    ]
