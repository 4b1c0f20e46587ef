import itertools
from typing import Literal

import pytest
import torch
from torch import nn

from audiocnn import models
from audiocnn.nn.filterbank import Energies
from training.config import OptimConfig
from training.optim import Ema, learning_rate, make_optimizer, set_rate


def test_norms_and_biases_do_not_decay() -> None:
    network = nn.Sequential(nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4))
    decayed, free = make_optimizer(network, OptimConfig(weight_decay=0.1)).param_groups
    assert [p.shape for p in decayed["params"]] == [(4, 1, 3)]
    assert decayed["weight_decay"] == 0.1
    assert len(free["params"]) == 3
    assert free["weight_decay"] == 0


@pytest.mark.parametrize("name", models.names())
def test_no_norm_of_any_architecture_decays(name: str) -> None:
    with torch.device("meta"):
        network = models.build(name, 3)
    norms = [module for module in network.modules() if "Norm" in type(module).__name__ and not list(module.children())]
    of_norms = {parameter for norm in norms for parameter in norm.parameters()}
    groups = make_optimizer(network, OptimConfig(weight_decay=0.1)).param_groups
    decayed = {parameter for group in groups if group["weight_decay"] for parameter in group["params"]}
    assert decayed
    assert not decayed & of_norms


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_filters_have_their_share_of_the_rate(optimizer: Literal["adamw", "sgd"]) -> None:
    network = nn.Sequential(Energies(8000, 4, 64), nn.Conv1d(4, 2, 3))
    config = OptimConfig(optimizer=optimizer, momentum=0.0, weight_decay=0.0, lr=0.5, filter_lr=0.1)
    stepped = make_optimizer(network, config)
    assert sum(len(group["params"]) for group in stepped.param_groups) == len(list(network.parameters()))
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    for rate in (0.5, 0.01):
        set_rate(stepped, rate)
        rates = {id(p): group["lr"] for group in stepped.param_groups for p in group["params"]}
        for name, weight in network.named_parameters():
            assert rates[id(weight)] == pytest.approx(rate * (0.1 if name.startswith("0.filters") else 1)), name
    for weight in network.parameters():
        weight.grad = torch.ones_like(weight)
    stepped.step()  # the first step of either is the rate, where all gradients are 1
    for name, weight in network.named_parameters():
        moved = 0.001 if name.startswith("0.filters") else 0.01
        torch.testing.assert_close(weight.detach(), before[name] - moved, msg=name)


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
