"""Looks at a recipe that keep nothing: dry run, one batch learned by heart, sweep of learning rates."""

import csv
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor, nn

from audiocnn.errors import AudioCnnError, ConfigError
from audiocnn.nn.heads import Heads
from tests.training.conftest import ALONE
from tests.training.test_train import TOML
from training import lr_find, overfit
from training.cli import commands
from training.config import AugmentConfig, Config
from training.dry_run import dry_run
from training.lr_find import smoothed, suggested_rate, sweep_rates
from training.overfit import overfit_batch
from training.setup import prepare


class Blind(nn.Module):
    """A network with a mistake: its answers do not depend on what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(2))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.bias.expand(len(inputs), 2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "run.toml").write_text(TOML.replace("validation = 0.0", "validation = 0.3"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*arguments: str) -> Result:
    return CliRunner().invoke(commands, [*arguments, "--device", "cpu"])


def test_a_dry_run_tries_everything_and_keeps_nothing(folder: Path, data: Path) -> None:
    done = command("train", "run.toml", "--data", str(data), "--fold", "0", "--dry-run")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "clips: 10 to train, 6 to validation, 8 to test"
    assert lines[1] == "task: high, low (single_label)"
    assert lines[2].startswith("network: filterbank-resnet, ")
    assert lines[3].startswith("step: 8 windows, loss 0.")
    assert lines[4] == "validation: answers for 4 of 6 clips"
    assert lines[5].startswith("all 2 steps would take about ")
    assert sorted(path.name for path in folder.iterdir()) == ["cache", "run.toml"]


def test_a_dry_run_stops_at_a_loss_that_is_no_number(
    config: Config, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heads, "loss", lambda _, logits, *__, **___: logits.sum() * float("nan"))
    with pytest.raises(
        AudioCnnError, match=r"the loss of the first batch is nan; look at its clips, or lower train.lr"
    ):
        list(dry_run(config, data, tmp_path, ALONE, None))


def test_one_batch_is_learned_by_heart(folder: Path, data: Path) -> None:
    done = command("train", "run.toml", "--data", str(data), "--overfit-batch", "--set", "train.lr=0.01")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("learned: the loss of one batch of 8 windows went from 0.")
    assert done.stdout.endswith("its labels allow 0.000. The network can learn what these clips say\n")
    assert sorted(path.name for path in folder.iterdir()) == ["cache", "run.toml"]


def test_a_network_that_cannot_learn_is_found_out(folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overfit, "fresh_network", lambda *_: Blind())
    done = command("train", "run.toml", "--data", str(data), "--overfit-batch")
    assert done.exit_code == 1
    assert done.stdout.startswith("not learned: the loss of one batch of 8 windows went from 0.693 to 0.56")  # of 6 : 2
    assert "in 500 steps; its labels allow 0.000. Look for a mistake in the network or the labels" in done.stdout


def test_shares_as_targets_allow_no_loss_of_zero(config: Config, data: Path, tmp_path: Path) -> None:
    """Four shares of 0.1 and 0.5: the least loss is their mean entropy."""
    with (data / "shares.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["path", "happy", "sad"], *([f"high/{i}.wav", *(0.1, 0.5)[:: 1 - 2 * (i % 2)]] for i in range(8))]
        )
    described = replace(
        config.data, manifest="shares.csv", fold="", group="", kind="multi_label", shares=("happy", "sad")
    )
    outcome = overfit_batch(replace(config, data=described), data, tmp_path, ALONE, None, steps=1)
    entropy = [-(p * math.log(p) + (1 - p) * math.log(1 - p)) for p in (0.1, 0.5)]
    assert outcome.lowest == pytest.approx(np.mean(entropy), abs=1e-4)
    assert (outcome.steps, outcome.first) == (1, outcome.last)


def test_the_batch_to_learn_is_neither_augmented_nor_mixed(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Config] = []
    monkeypatch.setattr(overfit, "prepare", lambda config, *rest: asked.append(config) or prepare(config, *rest))
    everything = AugmentConfig(speed=0.1, noise_db=(3.0, 9.0), time_masks=2, polarity=True)
    config = replace(with_train(mixup=1.0, mixing="between-class", cut_mix=0.5), augment=everything)
    overfit_batch(config, data, tmp_path, ALONE, None, steps=1)
    (used,) = asked
    assert (used.train.mixup, used.train.cut_mix, used.train.label_smoothing) == (0, 0, 0)
    off = used.augment
    assert (off.speed, off.gain_db, off.noise_db, off.polarity, off.time_masks) == (0.0, 0.0, (), False, 2)


def test_dry_run_and_one_batch_exclude_each_other(folder: Path) -> None:
    done = command("train", "run.toml", "--dry-run", "--overfit-batch")
    assert (done.exit_code, "choose one" in done.stderr) == (2, True)


def test_a_sweep_of_learning_rates_ends_in_a_table_a_suggestion_and_a_picture(folder: Path, data: Path) -> None:
    done = command("lr-find", "run.toml", "--data", str(data), "--steps", "60")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "| lr | loss |"
    rates = [float(line.split("|")[1]) for line in lines[2:-2]]
    assert len(rates) >= 15
    assert rates == sorted(rates)
    suggested = float(lines[-2].removeprefix("suggested: --set train.lr=").split(",")[0])
    assert 1e-4 < suggested < 0.1
    assert lines[-2].endswith("a tenth of where the loss was lowest; run.toml has 0.002")
    assert lines[-1] == "drawn: runs/notes-lr.png"
    assert (folder / "runs" / "notes-lr.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_there_is_a_table_and_no_picture(
    folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = command("lr-find", "run.toml", "--data", str(data), "--steps", "60")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("not drawn: plots need matplotlib: pip install 'audiocnn[plots]'\n")
    assert not (folder / "runs").exists()


def test_the_suggestion_is_a_tenth_of_the_rate_with_the_lowest_loss() -> None:
    rates = np.geomspace(1e-6, 1.0, 200)
    losses = 1 + (np.log10(rates) + 2) ** 2 / 4  # lowest at 0.01
    points = list(zip(rates.tolist(), losses.tolist(), strict=True))
    assert suggested_rate(points) == pytest.approx(1e-3, rel=2.0)  # smoothing looks back
    assert smoothed([(1.0, 4.0), (2.0, 2.0)]) == pytest.approx([4.0, (0.09 * 4 + 0.1 * 2) / 0.19])


def noisy_sweep(seed: int, fall: float, spread: float) -> list[tuple[float, float]]:
    """A loss that falls by up to `fall` from 2.3 while the rate is below 0.03, then rises. spread: of batches."""
    points: list[tuple[float, float]] = []
    random, excess = np.random.default_rng(seed), fall
    for rate in np.geomspace(1e-6, 1.0, 200).tolist():
        points.append((rate, 2.3 - fall + excess + spread * random.standard_normal()))
        excess *= math.exp(-10 * rate) if rate < 0.03 else 1.15
    return points


@pytest.mark.parametrize("fall", [1.8, 0.6, 0.3])
def test_a_lucky_batch_at_the_beginning_suggests_nothing(fall: float) -> None:
    refused = 0
    for seed in range(100):
        try:
            assert 3e-4 < suggested_rate(noisy_sweep(seed, fall, 0.2)) < 0.03, seed
        except ConfigError:
            refused += 1
    assert refused <= 5


def test_where_batches_only_differ_there_is_hardly_ever_a_suggestion() -> None:
    refused = 0
    for seed in range(100):
        try:
            suggested_rate(noisy_sweep(seed, 0.0, 0.2))
        except ConfigError:
            refused += 1
    assert refused >= 90


@pytest.mark.parametrize("losses", [[1.0] * 50, [1.0 + i for i in range(50)], [1.0]])
def test_a_loss_that_never_falls_gives_no_suggestion(losses: list[float]) -> None:
    with pytest.raises(ConfigError, match="the loss fell at no learning rate; try --overfit-batch"):
        suggested_rate(list(enumerate(losses)))  # type: ignore[arg-type]


def test_a_sweep_does_not_end_because_its_first_batch_was_easy(
    data: Path, tmp_path: Path, with_train: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([0.1] + [1.0] * 29)
    monkeypatch.setattr(lr_find.Step, "take", lambda *_: torch.tensor(next(losses)))
    assert len(sweep_rates(with_train(), data, tmp_path, ALONE, None, 30)) == 30


def test_a_sweep_ends_where_the_loss_breaks_away(
    data: Path, tmp_path: Path, with_train: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([1.0] * 30 + [40.0] * 200)
    monkeypatch.setattr(lr_find.Step, "take", lambda *_: torch.tensor(next(losses)))
    points = sweep_rates(with_train(), data, tmp_path, ALONE, None, 100)
    assert len(points) == 31
    assert [rate for rate, _ in points] == pytest.approx(np.geomspace(1e-6, 1, 100)[:31])
