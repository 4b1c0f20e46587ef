"""docs/models.md lists the registered networks, and what it says of each is so."""

import re
from pathlib import Path

import pytest
import torch

from audiocnn import models
from audiocnn.nn.blocks import GlobalPool

ROOT = Path(__file__).parents[2]
ROWS = {
    cells[0].strip("`"): cells
    for line in (ROOT / "docs/models.md").read_text().splitlines()
    if line.startswith("| `") and (cells := [cell.strip() for cell in line.strip("|").split("|")])
}


def on_meta(name):
    with torch.device("meta"):
        return models.build(name, 10).eval()


def numbers(cell):
    return tuple(int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", cell))


def positions(name, shape):
    """Axes of the last feature map of an input of `shape`."""
    network = on_meta(name)
    pooled = []
    for module in network.modules():
        if isinstance(module, GlobalPool):
            module.register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0].shape))
    x = torch.zeros(1, *shape, device="meta")
    if any(isinstance(module, GlobalPool) for module in network.modules()):
        network(x)
    else:  # the classifier takes one size only
        pooled.append(network.features(x).shape)
    return tuple(pooled[-1][-models.architecture(name).ndim :])


def test_lists_the_registered_networks():
    assert sorted(ROWS) == models.names()


@pytest.mark.parametrize("name", ROWS)
class TestEveryRow:
    def test_weights_are_counted(self, name):
        assert numbers(ROWS[name][2]) == (sum(p.numel() for p in on_meta(name).parameters()),)

    def test_file_is_where_the_network_is(self, name):
        module = models.architecture(name).network.__module__
        text, link = re.fullmatch(r"\[(.*)\]\((.*)\)", ROWS[name][5]).groups()
        assert link == f"../{module.replace('.', '/')}.py"
        assert text == Path(link).name
        assert (ROOT / "docs" / link).is_file()

    def test_total_stride_adds_a_position(self, name):
        entry = models.architecture(name)
        shape = (1, numbers(ROWS[name][3])[0]) if entry.ndim == 1 else numbers(ROWS[name][3])
        assert (shape[0], len(shape) - 1) == (entry.in_channels, entry.ndim)
        stride = numbers(ROWS[name][4])
        if not stride:
            assert not hasattr(on_meta(name), "features")
            return
        assert len(stride) == entry.ndim
        more = 100_000 if entry.ndim == 1 else 1000  # enough for a stride that is wrong by 1 to add one too few or many
        longer = (shape[0], *(length + more * step for length, step in zip(shape[1:], stride, strict=True)))
        assert positions(name, longer) == tuple(count + more for count in positions(name, shape))

    def test_input_is_the_registered_one(self, name):
        entry = models.architecture(name)
        if entry.ndim > 1:
            assert (entry.in_channels, *entry.axes) == numbers(ROWS[name][3])
            return
        assert entry.axes == numbers(ROWS[name][3])[:1]
        assert entry.sample_rate / 1000 == float(re.search(r"at ([\d.]+) kHz", ROWS[name][3])[1])

    def test_seconds_are_samples_by_rate(self, name):
        if models.architecture(name).ndim == 1:
            samples, seconds, kilohertz = re.fullmatch(
                r"([\d,]+) samples, ([\d.]+) s at ([\d.]+) kHz", ROWS[name][3]
            ).groups()
            assert numbers(samples)[0] / (float(kilohertz) * 1000) == pytest.approx(float(seconds), abs=0.006)
