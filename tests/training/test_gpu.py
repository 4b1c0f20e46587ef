"""The main loop on a CUDA device: clips in its memory, bfloat16, and a model that any machine reads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from audiocnn.checkpoint import WEIGHTS
from audiocnn.export import export_onnx
from tests.training.conftest import ALONE
from tests.training.test_step import stepped
from tests.training.test_train import rows
from training.config import Config
from training.data.manifest import read_clips
from training.data.store import DeviceStore
from training.distributed import Process
from training.evaluate import predict
from training.loop import train
from training.metrics import measure
from training.setup import prepare

DEVICE = Process(rank=0, world_size=1, device=torch.device("cuda"))


@pytest.mark.gpu
def test_a_gpu_learns_in_bfloat16_from_clips_in_its_memory(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered: list[torch.device] = []
    gather = DeviceStore.gather

    def noted(*arguments: object, **how: object) -> torch.Tensor:
        windows = gather(*arguments, **how)  # type: ignore[arg-type]
        gathered.append(windows.device)
        return windows

    monkeypatch.setattr(DeviceStore, "gather", noted)
    config = with_train(epochs=16, precision="bfloat16", data_on_device="always")
    model = train(config, data, tmp_path / "run", tmp_path / "cache", DEVICE, "0")
    assert {device.type for device in gathered} == {DEVICE.device.type}
    losses = [row["train_loss"] for row in rows(tmp_path / "run")]
    assert losses[-1] < losses[0]
    assert {value.dtype for value in load_file(model / WEIGHTS).values()} <= {torch.float32, torch.int64}
    export_onnx(model)
    tested = [clip for clip in read_clips(data, config.data) if clip.fold == "0"]
    scores, targets, task = predict(model, tested)
    assert measure(scores, targets, task, {})["accuracy"] == 1.0
    train(config, data, tmp_path / "run", tmp_path / "cache", DEVICE, "0")  # finished: nothing is trained again
    assert len(rows(tmp_path / "run")) == 16


@pytest.mark.gpu
def test_a_gpu_takes_the_same_steps(with_train: Callable[..., Config], data: Path, tmp_path: Path) -> None:
    config = with_train(batch_size=8, mixup=0.0, optimizer="sgd", lr=0.1)
    config = replace(config, augment=replace(config.augment, gain_db=0.0, noise_db=(), soft_clip=0.0, speed=0.0))
    here, there = (
        stepped(prepare(config, data, tmp_path, process, None), config, process=process) for process in (ALONE, DEVICE)
    )
    assert there[1] == pytest.approx(here[1], rel=0.01)
    for name, value in here[0].items():
        torch.testing.assert_close(there[0][name].cpu(), value, rtol=0.01, atol=0.01, msg=name)
