"""AdrenalMNIST3D: shapes of adrenal glands from CT, 1,584 glands of 792 patients, normal or with hyperplasia.

Citation: Yang, Shi, Wei, Liu, Zhao, Ke, Pfister, Ni (2023), "MedMNIST v2: a large-scale lightweight benchmark for 2D
and 3D biomedical image classification", Scientific Data 10:41. Source: `adrenalmnist3d.npz` (28 voxels a side) or
`adrenalmnist3d_64.npz` (64) as published by MedMNIST, each with `train_images`, `train_labels`, `val_images` and so on.

Licence: CC BY 4.0.

Split: official, by patient: 1,188 / 98 / 298 for train, validation and test.

Traps: 77 % of the test glands are normal, so accuracy says little: report the area under the ROC curve. Voxels are 0
or 255, a mask: there is no tissue to see, and size is a cue, so do not scale shapes freely. The label is called
hyperplasia in the published code and adrenal mass in its description. The two glands of a patient share a split, but
the files do not say which two they are. Not for diagnosis.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from training.corpora.folder import need_file, new_corpus
from training.progress import track

LABELS = ("normal", "hyperplasia")

_FILES = {28: "adrenalmnist3d.npz", 64: "adrenalmnist3d_64.npz"}

_SPLITS = {"train": "train", "validation": "val", "test": "test"}


def convert(source: Path, destination: Path, *, size: int = 28) -> str:
    """Write the volumes as NumPy files to `destination`: `train/normal/0042.npy`, uint8, shape `(size, size, size)`.

    size: 28 or 64, voxels a side. Returns a summary. Raises `ConfigError` for another size, missing, damaged or wrong
    source files, and an existing destination.
    """
    if size not in _FILES:
        raise ConfigError(f"size must be one of {', '.join(map(str, _FILES))}, got {size}")
    path = source / _FILES[size]
    need_file(path, " and ".join(_FILES.values()))
    with new_corpus(destination) as corpus:
        for split, prefix in _SPLITS.items():
            volumes, labels = _read_split(path, prefix, size)
            for index, (volume, label) in enumerate(track(zip(volumes, labels, strict=True), split, len(volumes))):
                name = LABELS[label]
                np.save(corpus.add(f"{split}/{name}/{index:04d}.npy", name, split=split), volume)
        return corpus.summary()


def _read_split(path: Path, prefix: str, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    volumes, labels = _read_array(path, f"{prefix}_images"), _read_array(path, f"{prefix}_labels")
    if volumes.dtype != np.uint8 or volumes.shape[1:] != (size, size, size):
        raise ConfigError(
            f"{prefix}_images in {path} is {volumes.dtype} of shape {volumes.shape}; "
            f"expected uint8 of shape (n, {size}, {size}, {size})"
        )
    if labels.shape != (len(volumes), 1) or not np.isin(labels, (0, 1)).all():
        raise ConfigError(f"{prefix}_labels in {path} must be {len(volumes)} rows of one 0 or 1; fetch the file again")
    return volumes, labels[:, 0]


def _read_array(path: Path, name: str) -> NDArray[np.uint8]:
    try:
        # Opened here because numpy leaves a damaged file open.
        with path.open("rb") as file, np.load(file) as arrays:
            if name not in arrays:
                raise ConfigError(f"{path} has no array {name}; it has {', '.join(arrays) or 'none'}")
            array: NDArray[np.uint8] = arrays[name]
            return array
    except ConfigError:
        raise
    except (OSError, EOFError, TypeError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path} is damaged or cut short; fetch it again") from error
