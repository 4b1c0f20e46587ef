"""A loss that is no number any more: what is said, what is kept, and what is not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from audiocnn.errors import AudioCnnError
from audiocnn.nn.heads import Heads
from tests.training.conftest import ALONE
from training.config import Config
from training.loop import train
from training.losses import NOT_FINITE
from training.setup import prepare
from training.state import STATE


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_clips(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At step 8, the third of the second epoch; the state of the first one stays."""
    config = with_train(epochs=3, save_every_s=0.0)
    real, steps = Heads.loss, []

    def loss(*arguments: object) -> torch.Tensor:
        steps.append(len(steps))
        return real(*arguments) * (float("nan") if len(steps) == 9 else 1.0)  # type: ignore[arg-type]

    monkeypatch.setattr(Heads, "loss", loss)
    config = replace(config, train=replace(config.train, save_every_s=1000.0))
    with pytest.raises(AudioCnnError) as caught:
        train(config, data, tmp_path / "run", tmp_path, ALONE, None)
    report = json.loads((tmp_path / "run" / NOT_FINITE).read_text())
    batches = prepare(config, data, tmp_path, ALONE, None).batches
    assert report["clips"] == [clip.path.relative_to(data).as_posix() for clip in batches.clips(8)]
    assert (report["step"], report["loss"]) == (8, "nan")
    assert report["learning_rate"] > 0
    assert str(caught.value) == (
        f"the loss became nan at step 8, in a batch of {', '.join(report['clips'])} ({tmp_path / 'run' / NOT_FINITE} "
        "names all); look at these clips, or lower train.lr or train.clip_grad"
    )
    assert all(torch.isfinite(value).all() for value in load_file(tmp_path / "run" / STATE).values())


def test_a_state_is_never_saved_with_weights_after_such_a_loss(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A save is due after each step, and losses are otherwise looked at later."""
    real, steps = Heads.loss, []

    def loss(*arguments: object) -> torch.Tensor:
        steps.append(len(steps))
        return real(*arguments) * (float("inf") if len(steps) == 3 else 1.0)  # type: ignore[arg-type]

    monkeypatch.setattr(Heads, "loss", loss)
    with pytest.raises(AudioCnnError, match=r"the loss became inf at step 2, in a batch of .* names all"):
        train(with_train(save_every_s=0.0), data, tmp_path / "run", tmp_path, ALONE, None)
    assert all(torch.isfinite(value).all() for value in load_file(tmp_path / "run" / STATE).values())
    assert len(steps) == 3


def test_long_batches_are_named_in_part_in_the_error_and_whole_in_the_file(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heads, "loss", lambda _, logits, *__: logits.sum() * float("nan"))
    with pytest.raises(AudioCnnError, match=r"in a batch of (\S+, ){7}\S+ and 16 more \("):
        train(with_train(batch_size=24), data, tmp_path / "run", tmp_path, ALONE, None)
    assert len(json.loads((tmp_path / "run" / NOT_FINITE).read_text())["clips"]) == 24
