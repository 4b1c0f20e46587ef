"""A side task that only helps to learn: the finished model knows nothing of it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from audiocnn import Classifier
from audiocnn.checkpoint import load_network, read_spec
from audiocnn.export import export_onnx
from training.config import Config, SideTaskConfig
from training.dry_run import dry_run
from training.loop import train
from training.setup import answering, fresh_network, prepare

from .conftest import ALONE

ARTIST = SideTaskConfig("single_label", label="artist", weight=0.5, answers=False)


@pytest.fixture
def with_artists(config: Config) -> Config:
    data = replace(config.data, validation=0.25)
    return replace(
        config, data=data, side_tasks={"artist": ARTIST, "colour": replace(ARTIST, label="label", answers=True)}
    )


def test_its_labels_are_those_of_the_training_clips(with_artists: Config, data: Path, tmp_path: Path) -> None:
    setup = prepare(with_artists, data, tmp_path / "cache", ALONE, "0")
    artists = {clip.group for clip in setup.split.train}
    assert setup.taught.num_outputs == 2 + len(artists) + 2
    assert setup.heads.num_outputs == 4
    assert list(setup.tasks) == ["", "colour"]


def test_the_model_that_answers_is_the_same_without_those_outputs(
    with_artists: Config, data: Path, tmp_path: Path
) -> None:
    setup = prepare(with_artists, data, tmp_path / "cache", ALONE, "0")
    network = fresh_network(with_artists, setup, ALONE).eval()
    model = answering(network, with_artists, setup)
    waveform = torch.randn(3, 1, 4000)
    taught = network(waveform)
    torch.testing.assert_close(model(waveform), torch.cat([taught[:, :2], taught[:, -2:]], dim=1))
    assert not model.training


def test_without_such_a_task_it_is_the_network_itself(config: Config, data: Path, tmp_path: Path) -> None:
    setup = prepare(config, data, tmp_path / "cache", ALONE, "0")
    network = fresh_network(config, setup, ALONE)
    assert answering(network, config, setup) is network


def test_a_run_learns_it_and_leaves_it_out(with_artists: Config, data: Path, tmp_path: Path) -> None:
    model = train(with_artists, data, tmp_path / "run", tmp_path / "cache", ALONE, "0")
    spec = read_spec(model)
    assert list(spec.side_tasks) == ["colour"]
    assert set(spec.metrics["validation"]["side"]) == {"colour"}
    _, network = load_network(model)
    assert network(torch.randn(1, 1, 4000)).shape == (1, 4)
    export_onnx(model)
    assert set(Classifier.load(model).classify(data / "high/0.wav").side) == {"colour"}


def test_it_changes_what_the_network_learns(with_artists: Config, data: Path, tmp_path: Path) -> None:
    weights = []
    for weight in (0.5, 5.0):
        side = {**with_artists.side_tasks, "artist": replace(ARTIST, weight=weight)}
        config = replace(with_artists, side_tasks=side)
        weights.append(load_network(train(config, data, tmp_path / str(weight), tmp_path / "cache", ALONE, "0"))[1])
    first, second = (network.state_dict()["energies.filters.conv.weight"] for network in weights)
    assert not torch.equal(first, second)


def test_a_dry_run_says_so(with_artists: Config, data: Path, tmp_path: Path) -> None:
    lines = list(dry_run(with_artists, data, tmp_path / "cache", ALONE, "0"))
    assert "side task artist: only helps to learn, the model does not answer it" in lines
    assert any(line.startswith("validation: answers for") for line in lines)
