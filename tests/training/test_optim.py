import itertools

import pytest
import torch
from torch import nn

from training.config import OptimConfig
from training.optim import Ema, learning_rate, make_optimizer


def test_norms_and_biases_do_not_decay() -> None:
    network = nn.Sequential(nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4))
    decayed, free = make_optimizer(network, OptimConfig(weight_decay=0.1)).param_groups
    assert [p.shape for p in decayed["params"]] == [(4, 1, 3)]
    assert decayed["weight_decay"] == 0.1
    assert len(free["params"]) == 3
    assert free["weight_decay"] == 0


def test_the_learning_rate_rises_to_the_peak_and_falls_to_zero() -> None:
    config = OptimConfig(lr=1.0, warmup=0.1)
    rates = [learning_rate(step, 1000, config) for step in range(1000)]
    assert rates[0] == pytest.approx(0.04)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 100
    assert rates[550] == pytest.approx(0.5, abs=0.01)
    assert rates[-1] < 1e-4
    assert all(a < b for a, b in itertools.pairwise(rates[:101]))
    assert all(a > b for a, b in itertools.pairwise(rates[100:]))


def test_the_average_follows_its_closed_form_and_steps_aside_again() -> None:
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(0.0)
    ema = Ema(network, decay=0.5)
    expected = 0.0
    for step in range(5):
        with torch.no_grad():
            network.weight.fill_(float(step + 1))
        ema.update(network, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1)
    assert ema.weights["weight"].item() == pytest.approx(expected)
    with ema.applied_to(network):
        assert network.weight.item() == pytest.approx(expected)
        assert not network.training
    assert network.weight.item() == 5
    assert network.training
