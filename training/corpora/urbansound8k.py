"""UrbanSound8K: city sounds, 8,732 slices of up to 4 s in 10 classes, cut from recordings on Freesound.

Citation: Salamon, Jacoby, Bello (2014), "A dataset and taxonomy for urban sound research", Proceedings of the 22nd ACM
Conference on Multimedia, https://doi.org/10.1145/2647868.2655045. Source: the archive as published, unpacked, with
`metadata/UrbanSound8K.csv` and `audio/fold1` to `audio/fold10`.

Licence: CC BY-NC 3.0; every recording on Freesound has its own terms and author as well.

Split: ten official folds, and `group` is the recording (`fsID`), of which a fold has all slices. There is no validation
set: hold one out of the nine training folds.

Traps: the authors ask not to shuffle: slices of one recording in training and test give figures far too good. Folds
differ in difficulty, so run all ten and give their mean and deviation. Sample rates from 8 to 192 kHz, bit depths and
channels vary and can hint at the source. `gun_shot` and `car_horn` have about 400 slices, other classes up to 1,000:
look at macro F1 too. `salience` is 1 where the sound is in the foreground and 2 in the background.
"""

from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.audio import check_audio, place
from training.corpora.folder import new_corpus
from training.corpora.table import read_table
from training.progress import track

META = "metadata/UrbanSound8K.csv"

_NEEDED = ("slice_file_name", "fsID", "salience", "fold", "class")


def convert(source: Path, destination: Path, *, link: bool = False) -> str:
    """Put the slices in `destination`: `siren/157867-8-0-10.wav`.

    link: hard links instead of copies, where possible. Returns a summary. Raises `ConfigError` for slices that are
    missing or damaged, a recording in two folds, and an existing destination.
    """
    path = source / META
    rows = read_table(path, f"{META} and audio/fold1 to audio/fold10", _NEEDED, inside="slice_file_name")
    fold_of: dict[str, str] = {}
    for row in rows:
        if fold_of.setdefault(row["fsID"], row["fold"]) != row["fold"]:
            raise ConfigError(
                f"{path} has recording {row['fsID']} in the folds {fold_of[row['fsID']]} and {row['fold']}; "
                "fetch the file again, folds must stay as published"
            )
    with new_corpus(destination) as corpus:
        for row in track(rows, "slices", len(rows)):
            name, label, fold = row["slice_file_name"], row["class"], row["fold"]
            recording = source / "audio" / f"fold{fold}" / name
            check_audio(recording)
            target = corpus.add(f"{label}/{name}", label, fold=fold, group=row["fsID"], salience=row["salience"])
            place(recording, target, link=link)
        return corpus.summary()
