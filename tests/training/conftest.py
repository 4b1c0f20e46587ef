"""A data set two notes apart (24 clips, 2 labels, 3 folds, 12 artists) and a network that learns it in seconds."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiocnn.spec import AudioSpec
from training.config import AugmentConfig, Config, DataConfig, ModelConfig, OptimConfig
from training.distributed import Process

SAMPLE_RATE = 8000
ALONE = Process(rank=0, world_size=1, device=torch.device("cpu"))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    with (root / "clips.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "fold", "artist"])
        for label, hz in (("high", 1760.0), ("low", 220.0)):
            (root / label).mkdir()
            for i in range(12):
                sound = 0.3 * np.sin(2 * np.pi * hz * (1 + 0.02 * i) * time) + 0.02 * random.standard_normal(len(time))
                soundfile.write(root / label / f"{i}.wav", sound, SAMPLE_RATE, subtype="PCM_16")
                rows.writerow([f"{label}/{i}.wav", label, i % 3, f"artist {i % 6} of {label}"])
    return root


@pytest.fixture
def config() -> Config:
    return Config(
        name="notes",
        input=AudioSpec(sample_rate=SAMPLE_RATE, window=4000, hop=2000),
        model=ModelConfig(
            "filterbank-resnet", {"sample_rate": SAMPLE_RATE, "num_filters": 16, "filter_length": 64, "width": 16}
        ),
        data=DataConfig(manifest="clips.csv", fold="fold", group="artist", validation=0.0),
        train=OptimConfig(epochs=3, batch_size=8, mixup=0.2, ema=0.8),
        augment=AugmentConfig(speed=0.05, soft_clip=0.3, eq_db=3.0, low_pass=0.2, high_pass=0.2),
    )


@pytest.fixture
def with_train(config: Config) -> Callable[..., Config]:
    """The configuration with other training settings."""
    return lambda **changes: replace(config, train=replace(config.train, **changes))
