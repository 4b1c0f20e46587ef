"""POCUS: clips of lung ultrasound, healthy or with bacterial pneumonia, COVID-19 or viral pneumonia.

Citation: Born, Wiedemann, Cossio, Buhre, Brändle, Leidermann, Goulet, Aujayeb, Moor, Rieck, Borgwardt (2021),
"Accelerating detection of lung pathologies with explainable ultrasound image analysis", Applied Sciences 11(2):672.
Source: a folder with the clips and `clips.csv`, a row for each clip from the authors' metadata: path, label, probe,
licence, patient_id, source_id and more.

Licence: each clip has its own, from CC BY 2.0 to CC BY-NC-SA 4.0, in the column `licence`: weights trained on all of
them are for non-commercial use, and their card says so.

Split: none is official. Folds are made here, stratified by label, whole groups in one fold, always the same ones.
`group` is the patient: clips with one `patient_id`, and clips whose names differ only in class and number, as in
`Pneu_northumbria_0409_set3_vid1` and `Reg_northumbria_0409_set3_vid2`, which may be one patient under several ids.

Traps: label goes with source (hospital, machine, depth scale, burned-in marks): report results by `source_id` too, and
expect less elsewhere. Convex and linear probes look different and go with the label as well: keep one probe. A patient
can have clips of both labels, from both sides of the chest. Not for diagnosis.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from audiocnn.errors import ConfigError
from training.corpora.folder import new_corpus
from training.corpora.table import read_table
from training.corpora.video import check_video
from training.progress import track

CLIPS = "clips.csv"
LABELS = ("regular", "bacterial_pneumonia", "covid", "viral_pneumonia")

_NEEDED = ("path", "label", "probe", "licence", "patient_id", "source_id")
_SEED = 0


def convert(
    source: Path,
    destination: Path,
    *,
    probe: str = "convex",
    classes: Sequence[str] = ("regular", "bacterial_pneumonia"),
    folds: int = 5,
) -> str:
    """Copy clips to `destination`, under their paths in `clips.csv`, all columns of which go to the manifest.

    probe: `convex` or `linear`. classes: at least two of `LABELS`. folds: how many, at least 2.
    Returns a summary. Raises `ConfigError` for other values, too few patients for so many folds, missing or damaged
    files, and an existing destination.
    """
    if len(set(classes)) < 2 or len(set(classes)) < len(classes) or not set(classes) <= set(LABELS):
        raise ConfigError(f"classes must be at least two of {', '.join(LABELS)}, got {', '.join(classes) or 'none'}")
    if probe not in ("convex", "linear"):
        raise ConfigError(f"probe must be convex or linear, got {probe!r}")
    listed = read_table(source / CLIPS, f"{CLIPS} and the clips it lists", _NEEDED)
    patients = group_clips([(row["path"], row["patient_id"]) for row in listed])
    pairs = zip(listed, patients, strict=True)
    chosen = [(row, group) for row, group in pairs if row["label"] in classes and row["probe"] == probe]
    rows, groups = [row for row, _ in chosen], [group for _, group in chosen]
    missing = [label for label in classes if label not in {row["label"] for row in rows}]
    if missing:
        raise ConfigError(f"{source / CLIPS} has no {probe} clips of {', '.join(missing)}; choose another probe")
    fold_of = _make_folds([row["label"] for row in rows], groups, folds)
    with new_corpus(destination) as corpus:
        for row, group, fold in track(zip(rows, groups, fold_of, strict=True), "clips", len(rows)):
            clip = source / row["path"]
            check_video(clip)
            shutil.copyfile(clip, corpus.add(**{**row, "fold": fold, "group": group}))
        return corpus.summary()


def group_clips(clips: Sequence[tuple[str, str]]) -> list[str]:
    """A name of the patient, or of patients that cannot be told apart, for each clip's path and patient id."""
    group_of: dict[str, str] = {}
    for path, patient in clips:
        session = re.fullmatch(r"[A-Za-z]+_(.+)_vid\d+", Path(path).stem)
        keys = [f"patient {patient}"] + ([f"session {session[1]}"] if session else [])
        joined = {group_of[key] for key in keys if key in group_of} | set(keys)
        name = min(joined)
        for key, group in list(group_of.items()):
            if group in joined:
                group_of[key] = name
        group_of.update(dict.fromkeys(keys, name))
    return [group_of[f"patient {patient}"] for _, patient in clips]


def _make_folds(labels: Sequence[str], groups: Sequence[str], folds: int) -> list[str]:
    fewest = min(len({g for g, other in zip(groups, labels, strict=True) if other == label}) for label in set(labels))
    if not 2 <= folds <= fewest:
        raise ConfigError(f"folds must be from 2 to {fewest}, the patients of the rarest class, got {folds}")
    from sklearn.model_selection import StratifiedGroupKFold

    names = [""] * len(labels)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=_SEED)
    for number, (_, members) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups), start=1):
        for index in members:
            names[index] = str(number)
    return names
