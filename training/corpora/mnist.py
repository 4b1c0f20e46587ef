"""MNIST: handwritten digits, 60,000 to train on and 10,000 to test on, 28 x 28 grey.

Citation: LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11). Source: the four original files, `train-images-idx3-ubyte.gz` and so on.

Licence: none was published with the files; they are made of NIST Special Databases 1 and 3. Cite the paper.

Split: the official test set, and the training set, of which the last images become the validation set. Choose epochs
and recipes on validation alone: after thousands of papers, the test set is the easiest thing to fit by hand.

Traps: nobody wrote in both official sets, but the files name no writers, so validation shares writers with training
and looks a little better than test. Fashion-MNIST ships under the same file names. 0 is the paper, 255 the ink.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from audiocnn.visual.pillow import Image
from training.corpora.folder import CorpusFolder, need_file, new_corpus
from training.progress import track

FILES = "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz"

_MOST_BYTES = 2**28
"""Several times the largest of the four files; what a damaged header promises is not allocated."""


def convert(source: Path, destination: Path, *, validation: int = 5000) -> str:
    """Write MNIST as PNG files to `destination`: `train/7/00042.png`, `test/7/00042.png`.

    validation: how many images at the end of the training set the manifest calls `validation`; they stay in `train/`.
    Returns a summary. Raises `ConfigError` for missing, damaged or wrong source files, and an existing destination.
    """
    sets = {name: _read_set(source, prefix) for name, prefix in (("train", "train"), ("test", "t10k"))}
    available = len(sets["train"][0])
    if not 0 <= validation < available:
        raise ConfigError(f"validation must be from 0 to below the {available} training images, got {validation}")
    with new_corpus(destination) as corpus:
        for name, (images, labels) in sets.items():
            held_out = validation if name == "train" else 0
            _write_set(corpus, name, images, labels, first_held_out=len(images) - held_out)
        return corpus.summary()


def _read_set(source: Path, prefix: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images_path, labels_path = source / f"{prefix}-images-idx3-ubyte.gz", source / f"{prefix}-labels-idx1-ubyte.gz"
    images, labels = read_idx(images_path, ndim=3), read_idx(labels_path, ndim=1)
    if len(images) != len(labels):
        raise ConfigError(
            f"{images_path} has {len(images)} images and {labels_path} {len(labels)} labels; fetch both files again"
        )
    if labels.max() > 9:
        raise ConfigError(f"{labels_path} has the label {labels.max()}; expected digits from 0 to 9")
    return images, labels


def read_idx(path: Path, *, ndim: int) -> NDArray[np.uint8]:
    """The unsigned bytes in a gzipped idx file, an array of `ndim` axes, none of them empty.

    Raises `ConfigError` for a file that is missing, damaged, cut short, too long, or of another kind or shape.
    """
    need_file(path, FILES)
    try:
        with gzip.open(path) as file:
            kind = file.read(4)
            if kind != bytes((0, 0, 8, ndim)):
                raise ConfigError(
                    f"{path} begins with {kind.hex(' ') or 'nothing'}; expected 00 00 08 {ndim:02x}, an idx file of "
                    f"unsigned bytes with {ndim} axes; fetch it again"
                )
            shape = struct.unpack(f">{ndim}I", file.read(4 * ndim))
            size = math.prod(shape)
            if not 0 < size <= _MOST_BYTES:
                raise ConfigError(f"{path} promises an array of shape {shape}; fetch it again")
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise ConfigError(f"{path} is damaged or cut short; fetch it again") from error
    if len(content) != size:
        found = f"only {len(content)}" if len(content) < size else "more"
        raise ConfigError(f"{path} promises {size} bytes of data, an array of shape {shape}, and holds {found}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _write_set(
    corpus: CorpusFolder, name: str, images: NDArray[np.uint8], labels: NDArray[np.uint8], first_held_out: int
) -> None:
    for index, (image, label) in enumerate(track(zip(images, labels, strict=True), name, total=len(images))):
        split = name if index < first_held_out else "validation"
        Image.fromarray(image).save(corpus.add(f"{name}/{label}/{index:05d}.png", str(label), split=split))
