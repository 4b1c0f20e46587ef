"""A loss or gradient that is no number any more: what is said, what is kept, and what is not."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from audiocnn.checkpoint import WEIGHTS
from audiocnn.errors import AudioCnnError
from audiocnn.nn.heads import Heads
from tests.training.conftest import ALONE
from tests.training.test_stopping import steps_done, without_time
from training.config import Config
from training.loop import MODEL, train
from training.losses import NOT_FINITE
from training.optim import Ema
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


def spoil_gradient(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """From now on the loss of step `step` stays what it is, and its gradient is no number: that of a root at zero."""
    real, steps = Heads.loss, []

    def loss(heads: Heads, logits: torch.Tensor, *rest: object) -> torch.Tensor:
        steps.append(len(steps))
        value = real(heads, logits, *rest)  # type: ignore[arg-type]
        return value + (logits.sum() * 0).sqrt() if len(steps) == step + 1 else value

    monkeypatch.setattr(Heads, "loss", loss)


@pytest.mark.parametrize(
    ("poke", "validation", "expected"),
    [
        (
            "weight",
            0.0,
            r"weights or statistics of norms have grown beyond what a float32 holds by step \d; lower train.lr",
        ),
        ("answer", 0.25, r"the network's answers are no numbers for \d of \d validation clips, \S+ the first of them"),
    ],
)
def test_weights_and_answers_that_are_no_numbers_are_not_kept(
    with_train: Callable[..., Config],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    poke: str,
    validation: float,
    expected: str,
) -> None:
    """Losses and gradients are numbers still: what is too large came of the last step."""
    real = Ema.update

    def update(ema: Ema, network: nn.Module, step: int) -> None:
        real(ema, network, step)
        if step == 2:
            weights = list(ema.weights.values())
            if poke == "weight":
                weights[0].fill_(float("inf"))
            else:
                for weight in filter(torch.is_floating_point, weights):
                    weight.fill_(1e38)

    monkeypatch.setattr(Ema, "update", update)
    config = with_train(epochs=3)
    config = replace(config, data=replace(config.data, validation=validation))
    with pytest.raises(AudioCnnError, match=expected):
        train(config, data, tmp_path / "run", tmp_path, ALONE, None)
    assert not (tmp_path / "run" / MODEL).exists()
    assert not (tmp_path / "run" / STATE).exists()


@pytest.mark.parametrize(("keep", "validation"), [("best", 0.0), ("last", 0.0), ("best", 0.25)])
def test_a_gradient_that_is_no_number_in_an_epochs_last_step_spoils_nothing(
    with_train: Callable[..., Config],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keep: str,
    validation: float,
) -> None:
    """The last one of the second epoch: the model and the state of the first stay, and the run goes on from there."""
    config = with_train(epochs=3, keep=keep)
    config = replace(config, data=replace(config.data, validation=validation))
    batches = prepare(config, data, tmp_path, ALONE, None).batches
    last = 2 * batches.steps_per_epoch - 1
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(config, data, whole, tmp_path, ALONE, None)
    with monkeypatch.context() as spoilt:
        spoil_gradient(spoilt, last)
        with pytest.raises(
            AudioCnnError, match=rf"^the norm of the gradient became nan at step {last}, in a batch of "
        ):
            train(config, data, broken, tmp_path, ALONE, None)
    report = json.loads((broken / NOT_FINITE).read_text())
    assert report["clips"] == [clip.path.relative_to(data).as_posix() for clip in batches.clips(last)]
    assert (report["step"], report["gradient_norm"]) == (last, "nan")
    assert isfinite(float(report["loss"]))
    files = (STATE, f"{MODEL}/{WEIGHTS}")
    for file in files:
        assert all(torch.isfinite(value).all() for value in load_file(broken / file).values()), file
    train(config, data, broken, tmp_path, ALONE, None)
    assert without_time(broken) == without_time(whole)
    for file in files:
        expected, weights = load_file(whole / file), load_file(broken / file)
        assert all(torch.equal(weights[name], value) for name, value in expected.items()), file


def test_a_state_is_never_saved_with_weights_after_such_a_gradient(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A save is due after each step, also within an epoch."""
    spoil_gradient(monkeypatch, 1)
    with pytest.raises(AudioCnnError, match="the norm of the gradient became nan at step 1, in a batch of"):
        train(with_train(save_every_s=0.0), data, tmp_path / "run", tmp_path, ALONE, None)
    assert all(torch.isfinite(value).all() for value in load_file(tmp_path / "run" / STATE).values())
    assert steps_done(tmp_path / "run", 3) == 1
