"""Small models that several tests share; nothing here depends on the bundled one."""

import importlib.util
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from audiocnn import checkpoint, models
from audiocnn.export import export_onnx
from audiocnn.nn.blocks import SqueezeExcite
from audiocnn.nn.heads import Heads
from audiocnn.spec import AudioSpec, ModelSpec, TaskSpec

torch.set_num_threads(1)  # on busy cores the threads of one small layer wait for each other most of the time
settings.register_profile("unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # how long an example takes is a busy machine's doing

LABELS = ("bark", "bell", "rain", "speech")
TINY = {"sample_rate": 16_000, "num_filters": 8, "filter_length": 64, "width": 8}
SLIM = {
    "envnet-v2": {"width": 10, "dense": 16},
    "res1dnet31": {"width": 4},
    "sample-cnn": {"width": 16},
    **{f"sample-cnn-{kind}": {"width": 16} for kind in ("multi", "res", "res-multi")},
    **{f"sample-cnn-{kind}": {"width": 16, "gate_ratio": 0.5} for kind in ("se", "se-multi", "rese", "rese-multi")},
}
"""Arguments that make large networks small enough to run in tests; full counts are taken on torch's meta device."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` or `ray` are skipped, and say so, where there is none."""
    missing = {
        "gpu": None if torch.cuda.is_available() else "no CUDA device",
        "ray": None if importlib.util.find_spec("ray") else "Ray is not installed: make test-ray",
    }
    for item in items:
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def lively_network(architecture: str, num_outputs: int, arguments: dict | None = None) -> torch.nn.Module:
    """A network in evaluation mode that looks trained: batch norms have statistics and the outputs differ."""
    torch.manual_seed(1)
    network = models.build(architecture, num_outputs, arguments)
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, SqueezeExcite):
            torch.nn.init.constant_(module.excite.bias, 2)  # nine gates half closed leave nothing to compare
    torch.nn.init.normal_(network.head.weight, 0, 0.5)
    return network.eval()


def tiny_spec(kind: str = "single_label", **changes) -> ModelSpec:
    """A filterbank ResNet of a few thousand weights that hears half a second at 16 kHz."""
    fields = {
        "name": "tiny",
        "version": "1.2.3",
        "architecture": "filterbank-resnet",
        "arguments": TINY,
        "input": AudioSpec(sample_rate=16_000, window=8000, hop=4000),
        "task": TaskSpec(kind, LABELS),
        "licence": "CC0-1.0",
        "training": {"seed": 1, "data": ["a", "b"]},
        "metrics": {"accuracy": 0.5},
    }
    return ModelSpec(**{**fields, **changes})


def write_model(directory: Path, spec: ModelSpec, *, onnx: bool = True) -> Path:
    """A model directory with untrained weights for `spec`."""
    checkpoint.save(
        directory, spec, lively_network(spec.architecture, Heads(spec.tasks).num_outputs, dict(spec.arguments))
    )
    if onnx:
        export_onnx(directory)
    return directory


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """A model directory; copy it before changing anything."""
    return write_model(tmp_path_factory.mktemp("tiny"), tiny_spec())


@pytest.fixture(scope="session")
def tiny_multi_label_model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("tiny-multi"), tiny_spec("multi_label"))
