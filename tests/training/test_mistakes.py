"""Mistakes in recipes and commands that are found before hours of training, and said in one line."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

import training.cli
import training.crossval
from audiocnn.errors import AudioCnnError, CheckpointError, ConfigError
from audiocnn.export import export_onnx
from tests.training.conftest import ALONE
from tests.training.test_jobs import killed_without_fold_1
from training.config import Config, DataConfig, ModelConfig
from training.crossval import cross_validate
from training.distributed import Process
from training.loop import train
from training.optim import Ema
from training.robustness import measure_changes
from training.setup import check_architecture, prepare
from training.state import STATE, load_state


def test_a_label_that_merge_invents_is_refused_before_training(data: Path, config: Config, tmp_path: Path) -> None:
    wrong = replace(config, merge={"any": ["high", "lo"]})
    with pytest.raises(ConfigError, match="merge names unknown labels lo; known: high, low"):
        prepare(wrong, data, tmp_path / "cache", ALONE, None)


@pytest.mark.parametrize("arguments", [{"sample_rate": 16_000}, {}])  # 16 kHz is what this network takes by default
def test_a_network_for_another_sample_rate_is_refused(config: Config, arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"sample_rate must be input\.sample_rate = 8000, .* got 16000"):
        check_architecture(replace(config, model=ModelConfig("filterbank-resnet", arguments)))


@pytest.mark.parametrize(("batch_size", "crops"), [(8, 1), (1, 4)])
def test_fewer_windows_in_a_step_than_processes_are_refused(
    data: Path, with_train: Callable[..., Config], tmp_path: Path, batch_size: int, crops: int
) -> None:
    (data / "two.csv").write_text("path,label\nhigh/0.wav,high\nlow/0.wav,low\n")
    config = with_train(batch_size=batch_size, crops_per_clip=crops)
    config = replace(config, data=DataConfig(manifest="two.csv", validation=0.0))
    with pytest.raises(ConfigError) as caught:
        prepare(config, data, tmp_path / "cache", Process(0, 3, torch.device("cpu")), None)
    assert str(caught.value) == (
        f"a step must have at least 3 windows, one for each process, got {min(batch_size, 2 * crops)}: "
        f"train.batch_size = {batch_size}, and an epoch of 2 clips with train.crops_per_clip = {crops}; raise what is "
        "too low, or start fewer processes"
    )


def test_a_fold_or_seed_named_twice_is_trained_once(
    data: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []

    def run_jobs(calls: Sequence[Callable[[], Any]], jobs: int) -> None:
        counts.append(len(calls))
        raise KeyboardInterrupt

    monkeypatch.setattr(training.crossval, "run_jobs", run_jobs)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(config, data, tmp_path, tmp_path, seeds=[0, 1, 0], folds=["1", "1"], jobs=2, device="cpu")
    assert counts == [2]


@pytest.mark.parametrize(("jobs", "mend"), [(2, "fewer --jobs than 2, a smaller"), (1, "a smaller")])
def test_a_cross_validation_says_which_training_was_killed(
    jobs: int, mend: str, data: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.crossval, "_one", killed_without_fold_1)
    with pytest.raises(AudioCnnError) as caught:
        cross_validate(config, data, tmp_path, tmp_path, seeds=[7], folds=["1", "2"], jobs=jobs, device="cpu")
    assert str(caught.value) == (
        f"the training without fold '1', seed 7, was killed by SIGKILL, most often for want of memory: take {mend} "
        "train.batch_size or a larger machine; the same command goes on from the states saved last"
    )


def test_robustness_names_the_folds_that_were_not_trained(data: Path, config: Config, tmp_path: Path) -> None:
    (tmp_path / "seed-0-fold-1" / "model").mkdir(parents=True)
    with pytest.raises(ConfigError, match="has no model for fold 0, 2 with seed 0; train all folds with"):
        measure_changes(config, data, tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 7.28 TiB"),
        torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20.00 MiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 25 bytes"),
    ],
)
def test_too_small_a_memory_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def commands(**_: object) -> None:
        raise error

    monkeypatch.setattr(training.cli, "commands", commands)
    with pytest.raises(SystemExit) as ended:
        training.cli.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: the memory is too small: ")
    assert "lower train.batch_size" in line


def test_a_fault_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def commands(**_: object) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(training.cli, "commands", commands)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        training.cli.main()


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / STATE)
    network = torch.nn.Linear(1, 1)
    with pytest.raises(CheckpointError, match="is not the state of a training; choose another --run or delete it"):
        load_state(tmp_path, network, Ema(network, 0.9), torch.optim.SGD(network.parameters()), "config")


def test_evaluate_says_when_it_measures_what_was_trained(
    data: Path, with_train: Callable[..., Config], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    export_onnx(train(with_train(epochs=1, crops_per_clip=1), data, run, tmp_path / "cache", ALONE, "0"))
    recipe = tmp_path / "notes.toml"
    recipe.write_text(
        """
        name = "notes"
        input = {sample_rate = 8000, window = 4000, hop = 2000}
        model.architecture = "filterbank-resnet"
        data = {manifest = "clips.csv", fold = "fold", group = "artist"}
        """
    )
    command = ["evaluate", str(recipe), "--data", str(data), "--model", str(run / "model")]
    everything = CliRunner().invoke(training.cli.commands, command)
    assert "16 of these 24 clips are among those that the model was trained on" in everything.stderr
    held_out = CliRunner().invoke(training.cli.commands, [*command, "--fold", "0"])
    assert (held_out.exit_code, "trained on" in held_out.stderr) == (0, False)
    same = CliRunner().invoke(training.cli.commands, [*command, "--split", "test"])
    assert (same.exit_code, same.stdout) == (0, held_out.stdout)
    changed = CliRunner().invoke(training.cli.commands, [*command, "--set", "data.fold=nowhere"])
    assert "nowhere" in str(changed.exception)
    none = CliRunner().invoke(training.cli.commands, [*command, "--split", "validation"])
    assert "the split 'validation' has no clips; name its column with data.split, or take clips with --fold" in str(
        none.exception
    )


def test_a_folder_that_cannot_be_written_is_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    recipe = tmp_path / "notes.toml"
    recipe.write_text(
        """
        name = "notes"
        input = {sample_rate = 8000, window = 4000, hop = 2000}
        model = {architecture = "filterbank-resnet", arguments = {sample_rate = 8000, width = 16}}
        data = {manifest = "clips.csv", validation = 0.0}
        """
    )
    places = ["--cache", str(tmp_path / "cache"), "--run", str(tmp_path / "file" / "run")]
    monkeypatch.setattr("sys.argv", ["training", "train", str(recipe), "--data", str(data), *places])
    with pytest.raises(SystemExit) as ended:
        training.cli.main()
    assert ended.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"error: cannot read or write {tmp_path / 'file' / 'run'}: Not a directory; take a folder")
