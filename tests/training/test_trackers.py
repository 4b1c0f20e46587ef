"""Trackers, told through stand-ins for their packages that write down what they are called with; and the real MLflow
with its store of files where that is installed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from audiocnn.errors import MissingExtraError
from tests.training.conftest import ALONE
from tests.training.test_train import rows
from training.config import Config
from training.loop import train

Calls = list[tuple[str, Any]]


def stub_of_mlflow(calls: Calls) -> ModuleType:
    module = ModuleType("mlflow")

    def start_run(**named: Any) -> SimpleNamespace:
        calls.append(("start_run", named))
        return SimpleNamespace(info=SimpleNamespace(run_id="abc"))

    vars(module).update(
        set_experiment=lambda name: calls.append(("set_experiment", name)),
        start_run=start_run,
        log_params=lambda params: calls.append(("log_params", params)),
        log_metrics=lambda metrics, step: calls.append(("log_metrics", (step, metrics))),
        end_run=lambda: calls.append(("end_run", None)),
    )
    return module


def stub_of_wandb(calls: Calls) -> ModuleType:
    module = ModuleType("wandb")
    run = SimpleNamespace(
        id="xyz",
        log=lambda metrics, step: calls.append(("log", (step, metrics))),
        finish=lambda: calls.append(("finish", None)),
    )

    def init(**named: Any) -> SimpleNamespace:
        calls.append(("init", named))
        return run

    vars(module).update(init=init)
    return module


def test_mlflow_is_told_of_settings_and_of_each_epoch_in_one_run_over_all_parts(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Calls = []
    monkeypatch.setitem(sys.modules, "mlflow", stub_of_mlflow(calls))
    config = with_train(epochs=2)
    train(config, data, tmp_path / "run", tmp_path, ALONE, None, ["mlflow"])
    assert [name for name, _ in calls] == [
        "set_experiment", "start_run", "log_params", "log_metrics", "log_metrics", "end_run"
    ]  # fmt: skip
    assert calls[0][1] == "notes"
    assert calls[1][1] == {"run_name": "run"}
    assert calls[2][1]["train.lr"] == config.train.lr
    assert calls[2][1]["model.arguments.width"] == 16
    for row, (_, (step, metrics)) in zip(rows(tmp_path / "run"), calls[3:5], strict=True):
        assert step == row["epoch"]
        assert metrics == {name: row[name] for name in ("train_loss", "lr", "seconds", "data_wait")}
    calls.clear()
    train(config, data, tmp_path / "run", tmp_path, ALONE, None, ["mlflow"])
    assert calls == [("set_experiment", "notes"), ("start_run", {"run_id": "abc"}), ("end_run", None)]


def test_weights_and_biases_is_told_too_and_continues_its_run(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Calls = []
    monkeypatch.setitem(sys.modules, "wandb", stub_of_wandb(calls))
    config = with_train(epochs=1)
    for _ in range(2):
        train(config, data, tmp_path / "run", tmp_path, ALONE, None, ["wandb"])
    (_, first), (_, (step, metrics)), _, (_, second), _ = calls
    assert [name for name, _ in calls] == ["init", "log", "finish", "init", "finish"]
    assert first["config"] == config.to_json()
    assert (first["project"], first["id"], second["id"], second["resume"]) == ("notes", None, "xyz", "allow")
    assert (step, metrics["train_loss"]) == (1, rows(tmp_path / "run")[0]["train_loss"])
    assert json.loads((tmp_path / "run" / "trackers.json").read_text()) == {"wandb": "xyz"}


def test_a_tracker_that_fails_does_not_end_the_training(
    with_train: Callable[..., Config],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    module = stub_of_mlflow([])

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("nobody answers")

    vars(module).update(log_metrics=unreachable)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    train(with_train(epochs=1), data, tmp_path / "run", tmp_path, ALONE, None, ["mlflow"])
    assert "a tracker could not be told of epoch 1: nobody answers" in caplog.text
    assert len(rows(tmp_path / "run")) == 1


def test_a_tracker_that_fails_on_closing_ends_neither_the_training_nor_the_others(
    with_train: Callable[..., Config],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    module, calls = stub_of_mlflow([]), []

    def unreachable() -> None:
        raise ConnectionError("nobody answers")

    vars(module).update(end_run=unreachable)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "wandb", stub_of_wandb(calls))
    model = train(with_train(epochs=1), data, tmp_path / "run", tmp_path, ALONE, None, ["mlflow", "wandb"])
    assert "a tracker could not be told of the end: nobody answers" in caplog.text
    assert [name for name, _ in calls] == ["init", "log", "finish"]
    assert model.is_dir()


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_named_before_anything_is_done(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=f"--log {name} needs the package {name}: pip install {name}"):
        train(config, tmp_path / "nowhere", tmp_path / "run", tmp_path, ALONE, None, [name])
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore")  # mlflow's own
def test_the_real_mlflow_keeps_both_parts_of_a_run_as_one(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow", reason="the package mlflow (or mlflow-skinny) is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    monkeypatch.setattr("training.loop._is_complete", lambda progress, _: progress.epoch == 1)
    config = with_train(epochs=3)
    train(config, data, tmp_path / "run", tmp_path, ALONE, None, ["mlflow"])
    monkeypatch.undo()
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    train(config, data, tmp_path / "run", tmp_path, ALONE, None, ["mlflow"])

    client = mlflow.MlflowClient()
    (experiment,) = client.search_experiments(filter_string="name = 'notes'")
    (kept,) = client.search_runs([experiment.experiment_id])
    assert (kept.info.run_name, kept.info.status, kept.data.params["train.epochs"]) == ("run", "FINISHED", "3")
    history = client.get_metric_history(kept.info.run_id, "train_loss")
    expected = [(row["epoch"], row["train_loss"]) for row in rows(tmp_path / "run")]
    assert [(metric.step, metric.value) for metric in history] == expected
