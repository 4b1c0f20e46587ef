"""Training the denoiser: that it learns, that every setting counts, that seeds decide."""

from dataclasses import replace

import pytest
import torch

from audiocnn.errors import AudioCnnError
from tests.training.denoise.small import recipe, tones
from training.denoise.config import SAMPLE_RATE, DenoiserConfig, NoiseConfig
from training.denoise.examples import draw
from training.denoise.fit import fit
from training.denoise.measure import measure
from training.denoise.saved import Trained


def weights(config, seed=0):
    network = fit([tones()], config, seed=seed)
    assert not network.training
    return torch.cat([value.float().flatten() for value in network.state_dict().values()])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_few_steps_on_tones_take_noise_out_of_other_tones(precision):
    config = replace(recipe(steps=30, window_s=0.25, batch_size=8, precision=precision), model=DenoiserConfig(256, 16))
    network = fit([tones(seed) for seed in range(20)], config, seed=0)
    result = measure(Trained(network, 2 * SAMPLE_RATE).denoise, [tones(99)], config.noise, seed=1)
    assert result["noisy_db"] == pytest.approx(5, abs=0.1)
    assert result["gain_db"] > 2


def test_a_seed_gives_one_network():
    one, same, other = (weights(recipe(), seed) for seed in (3, 3, 4))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert (one - other).abs().max() > 0.01


def test_a_seed_decides_about_the_first_weights_and_about_the_examples(monkeypatch):
    drawn = []

    def kept(*arguments):
        drawn.append(draw(*arguments))
        return drawn[-1]

    monkeypatch.setattr("training.denoise.fit.draw", kept)
    one, other = (fit([tones()], recipe(lr=1e-20, steps=1, batch_size=1), seed=seed) for seed in (3, 4))
    assert (one.mask.exit[-1].weight - other.mask.exit[-1].weight).abs().max() > 0.01
    assert abs(drawn[0].noisy - drawn[1].noisy).max() > 0.1


@pytest.mark.parametrize("noise", [{"snr_db": (0.0, 0.0)}, {"colours": (2.0, 2.0)}], ids=str)
def test_the_noise_is_the_one_asked_for(noise):
    changed = replace(recipe(), noise=NoiseConfig(**noise))
    assert (weights(changed) - weights(recipe())).abs().max() > 1e-6


@pytest.mark.parametrize(
    "changed",
    [
        {"steps": 3},
        {"window_s": 0.2},
        {"batch_size": 3},
        {"precision": "bfloat16"},
        {"lr": 0.01},
        {"warmup": 1.0},
        {"weight_decay": 1.0},
        {"clip_grad": 1e-6},
        {"ema": 0.0},
    ],
    ids=str,
)
def test_every_setting_of_training_counts(changed):
    assert (weights(recipe(**changed)) - weights(recipe())).abs().max() > 1e-6


def test_each_step_draws_a_batch_of_windows(monkeypatch):
    drawn = []

    def counted(recordings, num_samples, noise, random):
        drawn.append(num_samples)
        return draw(recordings, num_samples, noise, random)

    monkeypatch.setattr("training.denoise.fit.draw", counted)
    fit([tones()], recipe(steps=3, batch_size=4, window_s=0.25), seed=0)
    assert drawn == [4000] * 3 * 4


@pytest.mark.parametrize("model", [DenoiserConfig(128, 8), DenoiserConfig(64, 16)])
def test_the_model_is_the_one_asked_for(model):
    network = fit([tones()], replace(recipe(), model=model), seed=0)
    assert network.encoder.conv.out_channels == model.filter_length
    assert network.mask.down[0][0].conv.out_channels == model.width


def test_a_loss_that_is_no_number_stops_the_training():
    with pytest.raises(AudioCnnError, match=r"the loss became nan at step \d; try another seed"):
        fit([tones()], recipe(steps=8, lr=1e6, weight_decay=1e6), seed=0)


@pytest.mark.gpu
def test_a_gpu_trains_much_the_same_network():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    one, same = (fit([tones()], recipe(), seed=0, device=torch.device(name)).state_dict() for name in ("cpu", "cuda"))
    for name, value in one.items():
        torch.testing.assert_close(same[name], value, atol=0.01, rtol=0.01)
