"""Single steps of the optimiser: in parts, with weighted labels, through the compiler."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from audiocnn.checkpoint import WEIGHTS
from tests.training.conftest import ALONE, ROOT
from training.config import Config
from training.distributed import Process
from training.loop import train
from training.optim import make_optimizer
from training.setup import Setup, prepare
from training.step import Step


def small_network() -> nn.Module:
    """Without norms over the batch, which would see parts of it."""
    torch.manual_seed(0)
    layers = [nn.Conv1d(1, 4, 16, 8), nn.Tanh(), nn.Conv1d(4, 8, 8, 4), nn.Tanh(), nn.AdaptiveAvgPool1d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 2))


def stepped(
    setup: Setup, config: Config, steps: int = 3, process: Process = ALONE
) -> tuple[dict[str, Tensor], list[float]]:
    """The weights after some steps, and their losses."""
    network = small_network().to(process.device)
    step = Step(network, make_optimizer(network, config.train), setup, config, process)
    losses = [step.take(setup.batches.batch(i), i, config.train.lr).item() for i in range(steps)]
    return network.state_dict(), losses


@pytest.mark.parametrize("parts", [2, 3, 100])
def test_a_step_in_parts_is_the_same_step(
    data: Path, tmp_path: Path, with_train: Callable[..., Config], parts: int
) -> None:
    """Also in parts of different sizes, and in more than there are windows."""
    whole, in_parts = with_train(batch_size=8, clip_grad=0.1), with_train(batch_size=8, clip_grad=0.1, accumulate=parts)
    setup = prepare(whole, data, tmp_path, ALONE, None)
    expected, expected_losses = stepped(setup, whole)
    weights, losses = stepped(setup, in_parts)
    assert losses == pytest.approx(expected_losses, rel=1e-5)
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("parts", [1, 3])
def test_no_step_goes_further_than_the_largest_gradient(
    data: Path, tmp_path: Path, with_train: Callable[..., Config], parts: int
) -> None:
    """A step of plain gradient descent is the learning rate times the gradient, whose norm `clip_grad` bounds."""
    free = with_train(batch_size=8, optimizer="sgd", momentum=0.0, weight_decay=0.0, accumulate=parts, clip_grad=1e6)
    setup = prepare(free, data, tmp_path, ALONE, None)
    start = parameters_to_vector(small_network().parameters())
    changes = []
    for clip_grad in (1e6, 1e-3):
        config = replace(free, train=replace(free.train, clip_grad=clip_grad))
        weights, _ = stepped(setup, config, steps=1)
        changes.append(parameters_to_vector(weights.values()) - start)
    far, near = changes
    assert far.norm() > 0.02 * free.train.lr
    assert near.norm().item() == pytest.approx(1e-3 * free.train.lr, rel=0.01)
    assert nn.functional.cosine_similarity(far, near, dim=0) > 0.999


def test_parts_are_really_computed_one_by_one(data: Path, tmp_path: Path, with_train: Callable[..., Config]) -> None:
    config = with_train(batch_size=8, accumulate=3)
    setup = prepare(config, data, tmp_path, ALONE, None)
    network, seen = small_network(), []
    network.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    Step(network, make_optimizer(network, config.train), setup, config, ALONE).take(setup.batches.batch(0), 0, 1e-3)
    assert seen == [3, 3, 2]


def test_rare_labels_weigh_more_in_the_loss(data: Path, tmp_path: Path, with_train: Callable[..., Config]) -> None:
    """With 12 high and 4 low clips, weights of 2/3 and 2."""
    lines = ["path,label", *(f"high/{i}.wav,high" for i in range(12)), *(f"low/{i}.wav,low" for i in range(4))]
    (data / "rare.csv").write_text("\n".join(lines))
    plain = with_train(batch_size=16, mixup=0.0, label_smoothing=0.0, crops_per_clip=1)
    plain = replace(plain, data=replace(plain.data, manifest="rare.csv", fold="", group=""))
    setup = prepare(plain, data, tmp_path, ALONE, None)
    network = small_network()
    with torch.no_grad():  # whatever comes in, the scores are 0.25 and 0.75
        network[-1].weight.zero_()
        network[-1].bias.copy_(torch.tensor([0.25, 0.75]).log())

    def loss(config: Config) -> float:
        return (
            Step(network, make_optimizer(network, config.train), setup, config, ALONE)
            .take(setup.batches.batch(0), 0, 0.0)
            .item()
        )

    high, low = torch.tensor([0.25, 0.75]).log().neg().tolist()
    assert loss(plain) == pytest.approx((12 * high + 4 * low) / 16)
    balanced = replace(plain, train=replace(plain.train, balance="loss"))
    assert loss(balanced) == pytest.approx((12 * high * 2 / 3 + 4 * low * 2) / 16)


def test_compiling_wraps_the_network_that_is_stepped_and_no_other(
    data: Path, tmp_path: Path, with_train: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, averages and names are those of the plain network. The compiler is one that changes no operation."""
    config = with_train(epochs=1)
    plain = train(config, data, tmp_path / "plain", tmp_path, ALONE, None)
    compiled: list[str] = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Callable[..., Any]:
        compiled.append(str(graph.code))
        return graph.forward

    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda target: real(target, backend=backend))
    config = replace(config, train=replace(config.train, compile=True))
    model = train(config, data, tmp_path / "compiled", tmp_path, ALONE, None)
    assert any("conv1d" in code for code in compiled)
    for file in (plain / WEIGHTS, plain.parent / "state.safetensors"):
        expected, weights = load_file(file), load_file(model.parent / file.relative_to(plain.parent))
        assert weights.keys() == expected.keys()
        for name, value in expected.items():
            assert torch.equal(weights[name], value), name


COMPILE = """
import torch
from training.compiler import compiled
network = torch.nn.Linear(3, 2)
inputs = torch.ones(4, 3)
torch.testing.assert_close(compiled(network, torch.device("cpu"))(inputs), network(inputs))
"""


def compile_with(compiler: str, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CXX": compiler, "TORCHINDUCTOR_CACHE_DIR": str(cache)}
    return subprocess.run([sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, timeout=240)


def test_without_a_compiler_the_error_says_so(tmp_path: Path) -> None:
    done = compile_with("no-such-compiler", tmp_path)
    assert done.returncode == 1
    assert "ConfigError: train.compile = true needs a C++ compiler that torch can use, and torch says" in done.stderr
    assert done.stderr.rstrip().endswith("install it or set train.compile = false")


@pytest.mark.slow
def test_a_compiled_network_computes_the_same(tmp_path: Path) -> None:
    done = compile_with(os.environ.get("CXX", "g++"), tmp_path)
    assert done.returncode == 0, done.stderr
