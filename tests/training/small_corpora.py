"""Small corpora in the form of FSDD, 8 kHz tones, and of ESC-10, noise bursts."""

import csv
from pathlib import Path

import numpy as np
import soundfile


def bursts(count=6, seconds=0.6, seed=0):
    random = np.random.default_rng(seed)
    return [random.standard_normal(int(seconds * 16_000)).astype(np.float32) * 0.1 for _ in range(count)]


def write_corpora(root: Path) -> None:
    """Two recordings of each speaker in `root/fsdd`, one of each fold in `root/esc10`."""
    (root / "fsdd").mkdir()
    time = np.arange(4000) / 8000
    for hz, speaker in enumerate(("george", "jackson", "lucas", "nicolas", "theo", "yweweler"), start=2):
        for index in range(2):
            wave = np.sin(2 * np.pi * 100 * hz * time) * np.exp(-3 * time) + 0.25
            soundfile.write(root / "fsdd" / f"{index}_{speaker}_{index}.wav", 0.4 * wave, 8000)
    (root / "esc10").mkdir()
    with (root / "esc10/clips.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "fold"])
        for fold in range(1, 6):
            soundfile.write(root / f"esc10/{fold}.wav", bursts(1, {2: 20.0, 5: 2.0}.get(fold, 1.0), fold)[0], 16_000)
            rows.writerow([f"{fold}.wav", "rain", fold])
