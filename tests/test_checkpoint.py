"""A model on disk: what goes in comes out, damage is named, and a failing write leaves the old file."""

import json
import os
import shutil
import stat
import sys

import pytest
import torch

from audiocnn import checkpoint, pretrained
from audiocnn.errors import CheckpointError, ConfigError, UnknownModelError
from tests.conftest import lively_network, tiny_spec, write_model


@pytest.fixture
def directory(tiny_model, tmp_path):
    """A copy of the tiny model to damage."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def rewrite_config(directory, **changes):
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def test_round_trip(tmp_path):
    spec = tiny_spec(name="größe", metrics={"accuracy": 0.1 + 0.2})
    network = lively_network(spec.architecture, 4, spec.arguments)
    checkpoint.save(tmp_path / "new" / "folder", spec, network)
    loaded_spec, loaded = checkpoint.load_network(tmp_path / "new" / "folder")
    assert loaded_spec == spec == checkpoint.read_spec(tmp_path / "new" / "folder")
    assert not loaded.training
    assert list(loaded.state_dict()) == list(network.state_dict())
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, network.state_dict()[name]), name


def test_config_is_for_people_too(directory):
    text = (directory / "config.json").read_text("utf-8")
    assert text.startswith('{\n  "format_version": 1,\n  "name": "tiny"')
    assert text.endswith("}\n")


def test_sha256_names_the_weights(directory):
    before = checkpoint.weights_sha256(directory)
    assert len(before) == 64
    rewrite_config(directory, name="other")
    assert checkpoint.weights_sha256(directory) == before
    weights = directory / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert checkpoint.weights_sha256(directory) != before


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "5", '"text"', '{"format_version": 1}', "\udcff", "[" * 200_000, "1" * 10_000],
    ids=lambda text: repr(text[:10]),
)
def test_damaged_config(directory, text):
    (directory / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError):
        checkpoint.read_spec(directory)


def test_missing_files(directory, tmp_path):
    with pytest.raises(CheckpointError, match=r"^expected a model directory with config\.json, found none at "):
        checkpoint.read_spec(tmp_path)
    (directory / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"has no readable model\.safetensors: No such file or directory$"):
        checkpoint.weights_sha256(directory)
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read: .*; copy the model anew"):
        checkpoint.load_network(directory)


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:100], lambda data: b"\xff" * 100])
def test_damaged_weights(directory, damage):
    weights = directory / "model.safetensors"
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read: .*; copy the model anew$"):
        checkpoint.load_network(directory)


def test_weights_of_another_architecture(directory):
    rewrite_config(directory, architecture="m3", arguments={})
    with pytest.raises(
        CheckpointError, match=r"does not fit architecture 'm3'; put weights and .* Missing key"
    ) as told:
        checkpoint.load_network(directory)
    assert len(str(told.value)) < 700
    rewrite_config(directory, architecture="m7")
    with pytest.raises(UnknownModelError, match="unknown architecture 'm7'"):
        checkpoint.load_network(directory)
    rewrite_config(directory, architecture="filterbank-resnet", arguments={"depth": 9})
    with pytest.raises(ConfigError, match=r"cannot be built from \{'depth': 9\}"):
        checkpoint.load_network(directory)


def test_new_weights_take_the_old_onnx_file_away(directory):
    spec, network = checkpoint.load_network(directory)
    checkpoint.save(directory, spec, network)
    assert not (directory / "model.onnx").exists()


class TestWriteAtomically:
    def test_replaces_and_is_readable_by_all(self, tmp_path):
        path = tmp_path / "file"
        for content in (b"old", b"new"):
            checkpoint.write_atomically(path, content)
            assert path.read_bytes() == content
        assert os.listdir(tmp_path) == ["file"]
        if sys.platform != "win32":
            assert stat.S_IMODE(path.stat().st_mode) == 0o644

    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_failure_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch, step):
        path = tmp_path / "file"
        checkpoint.write_atomically(path, b"old")

        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, step, fail)
        with pytest.raises(OSError, match="No space left"):
            checkpoint.write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["file"]


class TestResolve:
    def test_a_directory_by_path(self, directory):
        assert pretrained.resolve(directory) == pretrained.resolve(str(directory)) == directory

    @pytest.mark.parametrize("name", ["no-such-model", "", "..", "genre/../..", "/"])
    def test_anything_else_lists_what_there_is(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UnknownModelError, match=r"a directory must hold config\.json$"):
            pretrained.resolve(name)

    def test_every_bundled_model_is_found_by_name(self):
        for name in pretrained.names():
            assert checkpoint.read_spec(pretrained.resolve(name)).name == name


def test_a_model_can_be_moved(tmp_path):
    directory = write_model(tmp_path / "a", tiny_spec(), onnx=False)
    moved = directory.rename(tmp_path / "b")
    assert checkpoint.load_network(moved)[0] == tiny_spec()
