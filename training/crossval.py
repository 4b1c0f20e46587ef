"""Cross-validation over the folds of a manifest: each fold is the test set of a model that never saw it."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import AudioCnnError, ConfigError
from audiocnn.export import export_onnx
from audiocnn.spec import MAIN
from training.answers import ANSWERS, Answered, Tasks
from training.config import Config
from training.data.cache import open_cache
from training.data.leaks import refuse, shared_content, shared_groups
from training.data.manifest import read_clips
from training.data.media import medium_of
from training.data.split import clips_of, folds_of
from training.data.targets import tasks_of
from training.distributed import join
from training.evaluate import answer
from training.jobs import JobLost, run_jobs
from training.loop import train
from training.malloc import keep_memory
from training.metrics import measure_tasks, over_folds
from training.reliability import all_reliability
from training.setup import check_architecture
from training.trackers import require

logger = logging.getLogger(__name__)

RESULTS = "crossval.json"


def cross_validate(
    config: Config,
    data: Path,
    run: Path,
    cache: Path,
    *,
    seeds: Sequence[int],
    folds: Sequence[str],
    jobs: int,
    device: str,
    trackers: Sequence[str] = (),
) -> dict[str, Any]:
    """Train and test once for each fold and seed, and write all scores and metrics to `run/crossval.json`.

    folds: which to test on, all if empty. jobs: how many trainings run at once, each in a process of its own with its
    share of the cores. trackers: services to tell of each epoch. A run that was stopped goes on: finished folds are not
    trained again.
    Raises `ConfigError` for a fold that is not there, what `train` raises, `AudioCnnError` if the process of a training
    was killed, and `Stopped` after SIGTERM or Ctrl-C.
    """
    check_architecture(config)
    require(trackers)
    clips = read_clips(data, config.data, config.input.media, config.side_tasks)
    by_fold = {fold: clips_of(clips, fold) for fold in folds_of(clips)}
    unknown = sorted(set(folds) - by_fold.keys())
    if unknown:
        raise ConfigError(f"the manifest has no fold {', '.join(map(repr, unknown))}; it has {', '.join(by_fold)}")
    if not config.data.allow_leaks:
        refuse(shared_groups(by_fold))
    opened = open_cache(cache, clips, medium_of(config), config.data.max_unreadable)  # once, before the jobs need it
    if not config.data.allow_leaks:
        refuse(shared_content(by_fold, opened.digest))
    for fold in folds or by_fold:  # now, and not when the folds before it are trained
        tasks_of(config, clips, [clip for clip in clips if clip.fold != fold])
    work = [(seed, fold) for seed in dict.fromkeys(seeds) for fold in dict.fromkeys(folds or by_fold)]
    threads = max(1, torch.get_num_threads() // jobs)  # OMP_NUM_THREADS and affinity count

    def job(seed: int, fold: str) -> Callable[[], tuple[Answered, Tasks]]:
        folder = run / f"seed-{seed}-fold-{fold}"
        return partial(_one, replace(config, seed=seed), data, folder, cache, device, fold, threads, trackers)

    try:
        outcomes = run_jobs([job(seed, fold) for seed, fold in work], jobs)
    except JobLost as lost:
        seed, fold = work[lost.index]
        fewer = f"fewer --jobs than {jobs}, " if jobs > 1 else ""
        raise AudioCnnError(
            f"the training without fold {fold!r}, seed {seed}, {lost}, most often for want of memory: take {fewer}a "
            "smaller train.batch_size or a larger machine; the same command goes on from the states saved last"
        ) from None
    results = _summary(config, work, outcomes)
    write_atomically(run / RESULTS, (json.dumps(results, indent=1) + "\n").encode())
    return results


def read_runs(path: Path) -> list[tuple[int, str]]:
    """Seed and fold of each run that `path`, a cross-validation's `crossval.json`, is about.

    Raises `ConfigError` for a file that is missing or something else.
    """
    try:
        return [(fold["seed"], fold["fold"]) for fold in json.loads(path.read_text("utf-8"))["folds"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is not a cross-validation's {RESULTS}: {error}; the same `crossval` command writes it again"
        ) from error


def _one(
    config: Config, data: Path, run: Path, cache: Path, device: str, fold: str, threads: int, trackers: Sequence[str]
) -> tuple[Answered, Tasks]:
    """Train without `fold` and test on it, in a process of its own."""
    keep_memory()
    logging.basicConfig(level=logging.INFO, format=f"{run.name} %(message)s")
    torch.set_num_threads(threads)
    with join(device) as process:
        model = train(config, data, run, cache, process, fold, trackers)
    export_onnx(model)
    tested = clips_of(read_clips(data, config.data, config.input.media, config.side_tasks), fold)
    answered, spec = answer(model, tested, data, max_unreadable=config.data.max_unreadable)
    answered.save(run / ANSWERS)
    return answered, spec.tasks


def _summary(
    config: Config,
    work: Sequence[tuple[int, str]],
    outcomes: Sequence[tuple[Answered, Tasks]],
) -> dict[str, Any]:
    """Metrics of each fold, their mean and deviation over folds and seeds, and the scores of each clip."""
    folds, scores_by_clip = [], []
    for (seed, fold), (answered, tasks) in zip(work, outcomes, strict=True):
        scores = answered.scores(tasks)
        folds.append({"seed": seed, "fold": fold, **measure_tasks(scores, answered.targets, tasks, config.merge)})
        for index, name in enumerate(answered.clips):
            rows = {task: [float(f"{s:.6g}") for s in values[index]] for task, values in scores.items()}
            row = {"clip": name, "seed": seed, "fold": fold, "scores": rows.pop(MAIN)}
            scores_by_clip.append(row | ({"side": rows} if rows else {}))
    summary: dict[str, Any] = over_folds(folds)
    if "confusion" in folds[0]:
        summary["confusion"] = np.sum([fold["confusion"] for fold in folds], axis=0).tolist()
    tasks = outcomes[0][1]
    names = outcomes[0][0].targets
    together = {name: np.concatenate([answered.scores(own)[name] for answered, own in outcomes]) for name in names}
    targets = {name: np.concatenate([answered.targets[name] for answered, _ in outcomes]) for name in names}
    labels = {name: list(task.labels) for name, task in tasks.items()}
    results = {"name": config.name, "labels": labels.pop(MAIN)}
    return (
        results
        | ({"side_labels": labels} if labels else {})
        | {
            "summary": summary,
            "calibration": all_reliability(together, targets, tasks),  # a fold alone has too few clips to tell
            "folds": folds,
            "clips": scores_by_clip,
        }
    )


def table(results: dict[str, Any]) -> Iterator[str]:
    """The results as lines of a Markdown table, and one more for each side task."""
    yield from _table(results["folds"], results["folds"], results["summary"])
    for name, summary in results["summary"].get("side", {}).items():
        yield from ("", name, "", *_table(results["folds"], [f["side"][name] for f in results["folds"]], summary))


def _table(runs: Sequence[dict[str, Any]], folds: Sequence[dict[str, Any]], summary: dict[str, Any]) -> Iterator[str]:
    metrics = [key for key in summary if isinstance(folds[0][key], float)]
    yield f"| seed | fold | {' | '.join(metrics)} |"
    yield "|" + "---|" * (len(metrics) + 2)
    for run, fold in zip(runs, folds, strict=True):
        yield f"| {run['seed']} | {run['fold']} | {' | '.join(f'{fold[key]:.3f}' for key in metrics)} |"
    values = (f"{summary[key]['mean']:.3f} ± {summary[key]['deviation']:.3f}" for key in metrics)
    yield f"| | mean ± deviation | {' | '.join(values)} |"
