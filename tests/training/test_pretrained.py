"""Weights to begin with from another model: what is taken, what begins anew, and what does not fit."""

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from audiocnn import checkpoint, models
from audiocnn.checkpoint import load_network, read_spec, weights_sha256
from audiocnn.errors import CheckpointError, ConfigError, UnknownModelError
from audiocnn.nn.heads import Heads
from audiocnn.spec import MAIN, AudioSpec, ModelSpec, Quantity, TaskSpec
from training.config import Config, SideTaskConfig
from training.dry_run import dry_run
from training.loop import train
from training.pretrained import take_weights
from training.report.load import load_runs
from training.report.training_part import facts
from training.setup import fresh_network, prepare

from .conftest import ALONE


@pytest.fixture
def parent(config: Config, data: Path, tmp_path: Path) -> Path:
    """A model of `high` and `low`, trained with another seed."""
    return train(replace(config, seed=7), data, tmp_path / "parent", tmp_path / "cache", ALONE, "0")


def begun(config: Config, data: Path, tmp_path: Path) -> dict[str, Tensor]:
    setup = prepare(config, data, tmp_path / "cache", ALONE, "0")
    return fresh_network(config, setup, ALONE).state_dict()


def from_(parent: Path | str, config: Config, **arguments: Any) -> Config:
    model = replace(config.model, pretrained=str(parent), arguments={**config.model.arguments, **arguments})
    return replace(config, model=model)


def test_the_same_labels_keep_all_weights(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    weights = begun(from_(parent, config), data, tmp_path)
    theirs = load_network(parent)[1].state_dict()
    assert weights.keys() == theirs.keys()
    for name, weight in weights.items():
        assert torch.equal(weight, theirs[name]), name


def test_other_labels_have_a_last_layer_that_begins_anew(
    parent: Path, config: Config, data: Path, tmp_path: Path
) -> None:
    by_artist = replace(config, data=replace(config.data, label="artist"))
    weights, theirs = begun(from_(parent, by_artist), data, tmp_path), load_network(parent)[1].state_dict()
    random = begun(by_artist, data, tmp_path)
    last = {name for name in weights if weights[name].shape != theirs[name].shape}
    assert last
    assert all(torch.equal(weights[name], random[name]) for name in last)
    assert all(torch.equal(weights[name], theirs[name]) for name in weights.keys() - last)


def test_a_task_that_both_know_keeps_its_outputs(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    artist = SideTaskConfig("single_label", label="artist", answers=False)
    more = replace(config, side_tasks={"artist": artist})
    weights, theirs = begun(from_(parent, more), data, tmp_path), load_network(parent)[1].state_dict()
    random = begun(more, data, tmp_path)
    last = [name for name in weights if weights[name].shape != theirs[name].shape]
    assert last
    for name in last:
        assert torch.equal(weights[name][:2], theirs[name])
        assert torch.equal(weights[name][2:], random[name][2:])


def test_labels_of_another_order_are_other_labels(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    spec = json.loads((parent / "config.json").read_text())
    spec["task"]["labels"].reverse()
    (parent / "config.json").write_text(json.dumps(spec))
    weights, theirs = begun(from_(parent, config), data, tmp_path), load_network(parent)[1].state_dict()
    random = begun(config, data, tmp_path)
    anew = [name for name in weights if not torch.equal(weights[name], theirs[name])]
    assert anew
    assert all(torch.equal(weights[name], random[name]) for name in anew)


QUANTITY = Quantity("octaves", -1.0, 4.0, mean=1.5, deviation=0.5)
BINNED = replace(QUANTITY, bins=16)


def last_layers(own: Quantity, theirs: Quantity, config: Config, folder: Path) -> tuple[Tensor, Tensor, Tensor]:
    """The last biases: those a regression of `own` begins with, random ones, and those of a model of `theirs`."""
    mine, others = (TaskSpec("regression", ("octave",), (quantity,)) for quantity in (own, theirs))

    def built(task: TaskSpec) -> nn.Module:
        return models.build(config.model.architecture, Heads({MAIN: task}).num_outputs, config.model.arguments)

    source, random = built(others), built(mine)
    spec = ModelSpec("theirs", "1", config.model.architecture, config.model.arguments, config.input, others)
    checkpoint.save(folder, spec, source)
    network = copy.deepcopy(random)
    take_weights(network, from_(folder, config), Heads({MAIN: mine}), {MAIN: mine})
    begun, fresh, known = (list(net.parameters())[-1] for net in (network, random, source))
    assert (len(fresh), len(known)) == (max(1, own.bins), max(1, theirs.bins))
    return begun, fresh, known


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (BINNED, replace(BINNED, unit="", tolerance=0.1, mean=3.0, deviation=2.0)),  # bins lie over the range alone
        (QUANTITY, replace(QUANTITY, unit="", tolerance=0.1, low=None, high=8.0)),  # a range clips answers alone
    ],
)
def test_a_quantity_keeps_its_outputs_where_they_mean_the_same(
    own: Quantity, theirs: Quantity, config: Config, tmp_path: Path
) -> None:
    begun, _, known = last_layers(own, theirs, config, tmp_path)
    assert torch.equal(begun, known)


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (BINNED, QUANTITY),
        (QUANTITY, BINNED),
        (BINNED, replace(BINNED, bins=32)),
        (BINNED, replace(BINNED, high=5.0)),
        (BINNED, replace(BINNED, low=-2.0)),
        (replace(BINNED, low=1.0), replace(BINNED, low=1.0, scale="log")),
        (QUANTITY, replace(QUANTITY, scale="log", low=None)),
        (QUANTITY, replace(QUANTITY, mean=1.0)),
        (QUANTITY, replace(QUANTITY, deviation=1.0)),
    ],
)
def test_a_quantity_whose_outputs_mean_something_else_begins_anew(
    own: Quantity, theirs: Quantity, config: Config, tmp_path: Path
) -> None:
    begun, fresh, _ = last_layers(own, theirs, config, tmp_path)
    assert torch.equal(begun, fresh)


def test_what_training_alone_does_may_differ(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    weights = begun(from_(parent, config, mask_bands=3, dropout=0.5), data, tmp_path)
    theirs = load_network(parent)[1].state_dict()
    assert all(torch.equal(weight, theirs[name]) for name, weight in weights.items())


def test_the_weights_are_the_start_of_a_training_and_the_model_tells_whose(
    parent: Path, config: Config, data: Path, tmp_path: Path
) -> None:
    tuned = from_(parent, replace(config, train=replace(config.train, epochs=1, lr=1e-9)))
    model = train(tuned, data, tmp_path / "run", tmp_path / "cache", ALONE, "0")
    filters = "energies.filters.conv.weight"
    there, here = (load_network(folder)[1].state_dict()[filters] for folder in (parent, model))
    torch.testing.assert_close(here, there, rtol=0, atol=1e-6)
    told = read_spec(model).training["pretrained"]
    assert told == {
        "name": "notes",
        "version": "0",
        "licence": "unspecified",
        "weights_sha256": weights_sha256(parent),
    }
    assert "pretrained" not in read_spec(parent).training


def test_a_run_does_not_go_on_from_other_weights(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    tuned = from_(parent, replace(config, train=replace(config.train, epochs=1)))
    train(tuned, data, tmp_path / "run", tmp_path / "cache", ALONE, "0")
    train(tuned, data, tmp_path / "run", tmp_path / "cache", ALONE, "0")  # the same weights: done already
    moved = parent.rename(tmp_path / "moved")
    train(from_(moved, tuned), data, tmp_path / "run", tmp_path / "cache", ALONE, "0")  # the same, elsewhere
    moved.rename(parent)
    weights = (parent / "model.safetensors").read_bytes()
    (parent / "model.safetensors").write_bytes(weights[:-4] + bytes(4))
    with pytest.raises(CheckpointError, match="another configuration"):
        train(tuned, data, tmp_path / "run", tmp_path / "cache", ALONE, "0")


def test_a_dry_run_and_a_report_say_whose_they_are(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    tuned = from_(parent, replace(config, train=replace(config.train, epochs=1)))
    lines = list(dry_run(tuned, data, tmp_path / "cache", ALONE, "0"))
    assert "begins with the weights of: notes, version 0, licence unspecified" in lines
    assert not any("begins" in line for line in dry_run(config, data, tmp_path / "cache", ALONE, "0"))
    train(tuned, data, tmp_path / "run", tmp_path / "cache", ALONE, "0")
    told, plain = (dict(facts(load_runs(folder))) for folder in (tmp_path / "run", parent.parent))
    sha = weights_sha256(parent)[:12]
    assert told["begun with the weights of"] == f"notes, version 0 (unspecified), {sha}"
    assert "begun with the weights of" not in plain


def test_a_bundled_model_goes_by_its_name(config: Config, data: Path, tmp_path: Path) -> None:
    at_its_rate = replace(config, input=AudioSpec(sample_rate=16_000, window=8000, hop=4000))
    with pytest.raises(ConfigError, match=r"'genre' in .*pretrained.genre has others"):
        begun(from_("genre", at_its_rate, sample_rate=16_000), data, tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 24}, r"must have the sizes that model.arguments ask for, 'notes' in .* \(.* for .*\).*and more"),
        ({"num_filters": 24}, "energies"),
    ],
)
def test_other_sizes_are_refused(
    parent: Path, config: Config, data: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        begun(from_(parent, config, **change), data, tmp_path)


def test_another_architecture_is_refused(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    other = replace(config, model=replace(config.model, architecture="wave-picture", arguments={"sample_rate": 8000}))
    with pytest.raises(ConfigError, match=r"must be a 'wave-picture'.*'notes' in .* is a 'filterbank-resnet'"):
        begun(from_(parent, other), data, tmp_path)


def test_another_sample_rate_is_refused(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    slower = replace(config, input=AudioSpec(sample_rate=4000, window=2000, hop=1000))
    with pytest.raises(ConfigError, match=r"must hear sound at input.sample_rate = 4000, 'notes' in .* it at 8000,"):
        begun(from_(parent, slower, sample_rate=4000), data, tmp_path)


def test_no_such_model(config: Config, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="nothing-here"):
        begun(from_(tmp_path / "nothing-here", config), data, tmp_path)


def test_a_damaged_model(parent: Path, config: Config, data: Path, tmp_path: Path) -> None:
    (parent / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        begun(from_(parent, config), data, tmp_path)
