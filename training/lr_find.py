"""A sweep of learning rates: where the loss falls, and where it breaks away."""

import math
from pathlib import Path

import numpy as np

from audiocnn.errors import ConfigError, MissingExtraError
from training.config import Config
from training.distributed import Process
from training.optim import make_optimizer
from training.prefetch import Prefetcher
from training.progress import progress_bar
from training.setup import fresh_network, prepare
from training.step import Step

Sweep = list[tuple[float, float]]


def sweep_rates(
    config: Config, data: Path, cache_directory: Path, process: Process, fold: str | None, steps: int
) -> Sweep:
    """Learning rates that rise evenly in their logarithm from 1e-6 to 1, a step for each, and the loss before it.

    It ends early where the loss is four times the best or no number any more.
    """
    setup = prepare(config, data, cache_directory, process, fold)
    network = fresh_network(config, setup, process)
    step = Step(network, make_optimizer(network, config.train), setup, config, process)
    points: Sweep = []
    with (
        progress_bar(visible=process.is_first) as bar,
        Prefetcher(setup.batches, process, 0, steps) as prefetcher,
    ):
        bar_task = bar.add_task("learning rates", total=steps, note="")
        for index, rate in enumerate(np.geomspace(1e-6, 1.0, steps).tolist()):
            loss = process.mean_loss(step.take(prefetcher.take()[0], index, rate))
            if not math.isfinite(loss):
                break
            points.append((rate, loss))
            smooth = smoothed(points)
            bar.update(bar_task, advance=1, note=f"lr {rate:.2g}, loss {smooth[-1]:.3f}")
            if smooth[-1] > 4 * min(smooth[_beginning(steps) :], default=math.inf):
                break
    return points


def smoothed(points: Sweep) -> list[float]:
    """The losses of a sweep, each averaged with those before it, which count 0.9 times as much for each step back."""
    average, weight, out = 0.0, 0.0, []
    for _, loss in points:
        average, weight = 0.9 * average + 0.1 * loss, 0.9 * weight + 0.1
        out.append(average / weight)
    return out


def suggested_rate(points: Sweep) -> float:
    """A peak learning rate: a tenth of the one where the smoothed loss was lowest, before it rises or jumps.

    The lowest is looked for behind the beginning of the sweep, where rates are too low to change anything and the
    smoothed loss is still that of a few batches. Raises `ConfigError` if it is not lower than the mean of that
    beginning, by 2 % and by three times what chance makes of losses that differ from batch to batch.
    """
    beginning = _beginning(len(points))
    losses, smooth = np.array([loss for _, loss in points]), smoothed(points)
    if len(points) > beginning:
        lowest = beginning + int(np.argmin(smooth[beginning:]))
        before = float(losses[:beginning].mean())
        # Neighbours differ by chance alone, and by 0.95 deviations in the median; smoothing is worth a mean of 19.
        deviation = float(np.median(np.abs(np.diff(losses[: lowest + 1])))) / 0.95
        chance = deviation * math.sqrt(1 / beginning + 1 / 19)
        if before - smooth[lowest] >= max(0.02 * before, 3 * chance):
            return points[lowest][0] / 10
    raise ConfigError(
        "the loss fell at no learning rate; try --overfit-batch, which finds out whether the network learns at all, or "
        "more --steps"
    )


def _beginning(steps: int) -> int:
    """How many steps of a sweep are its beginning."""
    return max(5, steps // 10)


def rows(points: Sweep) -> list[tuple[float, float]]:
    """About twenty learning rates of a sweep with their smoothed losses, for people to read."""
    every = max(1, len(points) // 20)
    return [(rate, loss) for (rate, _), loss in zip(points, smoothed(points), strict=True)][::every]


def plot(points: Sweep, suggested: float, path: Path) -> None:
    """Draw a sweep as PNG. Raises `MissingExtraError` without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("plots need matplotlib: pip install 'audiocnn[plots]'") from error
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    rates, losses = zip(*points, strict=True)
    axes.plot(rates, losses, color="0.8", label="of each batch")
    axes.plot(rates, smoothed(points), label="smoothed")
    axes.axvline(suggested, color="C1", linestyle="--", label=f"suggested: {suggested:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=120)
