"""What was trained on what, and how it went: facts, a row for each run, learning curves."""

from collections.abc import Mapping, Sequence
from typing import Any

from audiocnn.checkpoint import load_network
from audiocnn.plots.figure import to_svg
from audiocnn.plots.quality import draw_learning
from audiocnn.spec import TaskSpec
from training.loop import MODEL
from training.report.document import Cell, Figure, Section, Table, count, metric_name, number
from training.report.load import Run, tested_clips
from training.report.quality import Measured
from training.setup import num_weights

_MOST_LABELS = 12


def facts(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Names and values for the head of the page.

    Raises `CheckpointError` if the first run's model cannot be read.
    """
    first = runs[0]
    _, network = load_network(first.folder / MODEL)
    tested = len(tested_clips(runs))
    seconds = sum(row["seconds"] for run in runs for row in run.history)
    found = [
        ("model", f"{first.spec.architecture}, {_millions(num_weights(network))} weights"),
        *((name or "answers", _answers(task)) for name, task in first.spec.tasks.items()),
        ("input", first.spec.input.summary),
        ("data", f"{_range([run.spec.training['clips'] for run in runs])} clips trained on, {tested:,} tested"),
        ("runs", _runs(runs)),
        ("recipe", _recipe(first.recipe)),
        *_begun_with(first.spec.training.get("pretrained")),
        ("training time", f"{_duration(seconds)}{' in all' if len(runs) > 1 else ''}"),
    ]
    starts = [start for run in runs for start in run.starts]
    if starts:
        last = starts[-1]
        machines = dict.fromkeys(_machine(start) for start in starts)
        commits = dict.fromkeys(start["commit"] for start in starts if start["commit"])
        at = f" at {', '.join(commits)}" if commits else ""
        found += [
            ("machine", "; ".join(machines)),
            ("code", f"audiocnn {last['audiocnn']}{at}; torch {last['torch']}"),
            ("last start", last["started"].replace("T", " ").replace("+00:00", " UTC")),
        ]
    return found


def runs_section(runs: Sequence[Run], metrics: Sequence[Measured]) -> Section | None:
    """A row for each run of a cross-validation; None for a single one."""
    if len(runs) < 2:
        return None
    columns = ["seed", "fold", "#tested", "#epochs", *(f"#{metric_name(m.name)}" for m in metrics)]
    rows = []
    for place, run in enumerate(runs):
        head = [str(run.seed), str(run.fold), f"{len(run.tested):,}", str(len(run.history))]
        rows.append([*map(Cell, head), *(Cell(number(m.by_run[place])) for m in metrics)])
    return Section("runs", "Every run", blocks=[Table(columns, rows, shown=18)])


def learning_section(runs: Sequence[Run]) -> Section | None:
    """Loss, quality on validation clips, learning rate and waiting for data over epochs; None without a history."""
    histories = [run.history for run in runs if run.history]
    if not histories:
        return None
    rows = [row for history in histories for row in history]
    validation: Mapping[str, float] = next((row["validation"] for row in rows if row.get("validation")), {})
    losses = {"train_loss": "training"} | ({"validation.loss": "validation"} if "loss" in validation else {})
    figures = [Figure("Loss", to_svg(draw_learning(histories, losses, "loss"), "loss"))]
    telling = [name for name in ("accuracy", "average_precision", "r2", "pearson") if name in validation]
    telling += [name for name in validation if name.startswith("r2 ")]
    if telling:
        series = {f"validation.{name}": metric_name(name) for name in telling[:4]}
        title = metric_name(telling[0]) if len(series) == 1 else "quality"
        figures.append(Figure(f"Validation {title}", to_svg(draw_learning(histories, series, title), "validation")))
    svg = to_svg(draw_learning(histories, {"lr": "learning rate"}, "learning rate"), "rate")
    figures.append(Figure("Learning rate", svg))
    if any("data_wait" in row for row in rows):
        svg = to_svg(draw_learning(histories, {"data_wait": "waiting for data"}, "share of the time"), "wait")
        figures.append(Figure("Waiting for data", svg))
    many = "Thin lines are single runs, thick ones their mean." if len(histories) > 1 else ""
    lasting = "The training loss is that of augmented, mixed and smoothed clips, so it may lie above the other."
    return Section("learning", "Learning curves", f"{many} {lasting if len(losses) > 1 else ''}".strip(), figures)


def _answers(task: TaskSpec) -> str:
    if len(task.labels) <= _MOST_LABELS:
        return task.summary
    return f"{len(task.labels)} labels: {', '.join(task.labels[:_MOST_LABELS])}, ... ({task.kind})"


def _millions(weights: int) -> str:
    return f"{weights / 1e6:.2f} million" if weights >= 1e6 else f"{weights:,}"


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _runs(runs: Sequence[Run]) -> str:
    seeds = sorted({run.seed for run in runs})
    folds = list(dict.fromkeys(run.fold for run in runs if run.fold is not None))
    words = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
    if not folds:
        return words
    if len(folds) == 1:
        return f"{words}; fold {folds[0]} left out"
    return f"{words}; each of the folds {', '.join(folds)} left out in turn"


def _recipe(recipe: Mapping[str, Any]) -> str:
    train = recipe["train"]
    return (
        f"{recipe['name']}: {count(train['epochs'], 'epoch')}, batches of {train['batch_size']}, {train['optimizer']}, "
        f"learning rate {train['lr']:g}, {train['precision']}"
    )


def _begun_with(origin: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if origin is None:
        return []
    words = f"{origin['name']}, version {origin['version']} ({origin['licence']}), {origin['weights_sha256'][:12]}"
    return [("begun with the weights of", words)]


def _machine(start: Mapping[str, Any]) -> str:
    cpu = f"{start['cpu']}, {count(start['cores'], 'core')}"
    words = cpu if start["device"] == "CPU" else f"{start['device']}; {cpu}"
    return words + (f", {start['processes']} processes" if start["processes"] > 1 else "")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
