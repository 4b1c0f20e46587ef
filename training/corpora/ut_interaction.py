"""UT-Interaction, segmented: 120 clips of two people who shake hands, hug, kick, point, punch or push.

Citation: Ryoo, Aggarwal (2010), "UT-Interaction Dataset, ICPR contest on Semantic Description of Human Activities",
https://cvrc.ece.utexas.edu/SDHA2010/Human_Interaction.html. Source: the segmented sets, or the same clips re-encoded;
files keep the published names, `SAMPLE_SEQUENCE_LABEL.avi` or `.mp4`, anywhere below the source folder.

Licence: none was published; cite the authors, and ship neither clips nor, to be safe, weights.

Split: two experiments of ten folds each: leave one sequence out in set 1 (sequences 1 to 10, a car park, still camera)
and in set 2 (11 to 20, a lawn in the wind). `fold` and `group` are the sequence.

Traps: a fold is six clips, so one clip is 0.17 of its accuracy: report all sixty together. Sequence 6 has no punch and
sequence 8 two. The same people act in several sequences. Clips are cropped around the pair and as long as the action,
so width, aspect and length hint at the class: give networks one size and one number of frames.
"""

import re
import shutil
from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.folder import need_folder, new_corpus
from training.corpora.video import check_video
from training.progress import track

LABELS = ("handshake", "hug", "kick", "point", "punch", "push")
"""In the order of the numbers in file names."""

SETS = {"set1": range(1, 11), "set2": range(11, 21)}
"""The sequences of each set."""

_CLIPS = 60
_NAME = re.compile(r"(\d+)_(\d+)_([0-5])\.(avi|mp4)")


def convert(source: Path, destination: Path, *, subset: str) -> str:
    """Copy the clips of `subset`, `set1` or `set2`, to `destination`: `punch/0_1_4.mp4`.

    Returns a summary. Raises `ConfigError` for another set, for clips that are missing, damaged or there twice, and for
    an existing destination.
    """
    if subset not in SETS:
        raise ConfigError(f"set must be one of {', '.join(SETS)}, got {subset!r}")
    need_folder(source, "clips named SAMPLE_SEQUENCE_LABEL.avi or .mp4 such as 0_1_4.avi")
    found: dict[tuple[int, int], tuple[Path, str]] = {}
    for path in sorted(source.rglob("*")):
        name = _NAME.fullmatch(path.name)
        if name and int(name[2]) in SETS[subset]:
            sample, sequence = int(name[1]), int(name[2])
            other, _ = found.setdefault((sequence, sample), (path, LABELS[int(name[3])]))
            if other != path:
                raise ConfigError(f"{path} and {other} are the same sample; keep one of them")
    if len(found) != _CLIPS:
        raise ConfigError(
            f"{source} has {len(found)} of the {_CLIPS} clips of {subset}, files named SAMPLE_SEQUENCE_LABEL.avi or "
            f".mp4 with sequences {SETS[subset][0]} to {SETS[subset][-1]}; fetch the segmented set again"
        )
    with new_corpus(destination) as corpus:
        for (sequence, _), (path, label) in track(sorted(found.items()), subset, _CLIPS):
            check_video(path)
            group = f"sequence {sequence}"
            target = corpus.add(f"{label}/{path.name}", label, fold=str(sequence), group=group, set=subset)
            shutil.copyfile(path, target)
        return corpus.summary()
