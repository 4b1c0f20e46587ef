"""The recipe of a denoiser: what is in it, what is refused."""

from pathlib import Path

import pytest

from audiocnn.errors import ConfigError
from audiocnn.models.denoiser import Denoiser
from training.config import OptimConfig
from training.denoise.config import load_denoise_config

RECIPE = Path(__file__).parents[3] / "training" / "recipes" / "denoise.toml"


def refusal(change):
    with pytest.raises(ConfigError) as caught:
        load_denoise_config(RECIPE, [change])
    return str(caught.value)


def test_ours_loads_and_builds():
    config = load_denoise_config(RECIPE, ["train.steps=7", "model.width=16", "train.precision=bfloat16"])
    assert (config.name, config.train.steps, config.train.precision) == ("denoise", 7, "bfloat16")
    assert config.model.width == 16
    Denoiser(filter_length=config.model.filter_length, width=config.model.width)


def test_the_optimiser_gets_what_the_recipe_says():
    changes = ["batch_size=3", "precision=bfloat16", "lr=1", "warmup=0.5", "weight_decay=2", "clip_grad=3", "ema=0.25"]
    config = load_denoise_config(RECIPE, [f"train.{change}" for change in changes])
    assert config.train.optim == OptimConfig(
        batch_size=3, precision="bfloat16", lr=1, warmup=0.5, weight_decay=2, clip_grad=3, ema=0.25
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs=3", f"{RECIPE} has unknown keys epochs; known: data, model, name, noise, train"),
        ("model.depth=3", "[model] has unknown keys depth; known: filter_length, width"),
        (
            "train.epochs=3",
            "[train] has unknown keys epochs; known: batch_size, clip_grad, ema, lr, precision, steps, warmup, "
            "weight_decay, window_s",
        ),
        ("noise.snr_db=5", "noise.snr_db must be a list of numbers, got 5"),
        ("noise.snr_db=[5]", "noise.snr_db must be [lowest, highest] from -120 to 120 dB, got [5]"),
        ("noise.snr_db=[]", "noise.snr_db must be [lowest, highest] from -120 to 120 dB, got []"),
        ("noise.snr_db=[5, 4]", "noise.snr_db must be [lowest, highest] from -120 to 120 dB, got [5, 4]"),
        ("noise.colours=[0, 5]", "noise.colours must be [lowest, highest] from -4 to 4, got [0, 5]"),
        ("noise.test_snr_db=nan", "noise.test_snr_db must be from -120 to 120 dB, got nan"),
        ("data.longest_s=0", "data.longest_s must be at least 1, got 0"),
        ("train.steps=0", "train.steps must be at least 1, got 0"),
        ("train.window_s=0.01", "train.window_s must be from 0.1 to 600 seconds, got 0.01"),
        ("train.window_s=inf", "train.window_s must be from 0.1 to 600 seconds, got inf"),
        ("train.batch_size=0", "train.batch_size must be at least 1, got 0"),
        ("train.lr=0", "train.lr must be a number above 0, at most 1e+06, got 0"),
        ("train.precision=float16", "train.precision must be one of float32, bfloat16, got 'float16'"),
    ],
)
def test_what_is_wrong_is_said(change, message):
    assert refusal(change) == message
