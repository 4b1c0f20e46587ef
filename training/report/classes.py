"""The sections about labels: which are mixed up, curves over thresholds, calibration, and a row for each label."""

import math

import numpy as np

from audiocnn.plots.figure import to_svg
from audiocnn.plots.quality import Curve, draw_coverage, draw_precision_recall, draw_reliability, draw_roc
from training.reliability import reliability
from training.report import weighted
from training.report.curves import confidence_bins, confidences, precision_recall, roc
from training.report.document import Cell, Figure, Matrix, Section, Table, count, number
from training.report.pool import Pool
from training.report.tables import confusion, per_label, top_confusions

_MOST_CELLS = 60
"""Labels in a confusion matrix; with more it could not be read."""
_MOST_PAIRS = 10


def confusion_section(prefix: str, pool: Pool) -> Section | None:
    """None for tasks in which not exactly one label is true."""
    if pool.task.kind not in ("single_label", "binary"):
        return None
    labels, counts = pool.task.labels, confusion(pool)
    totals = pool.targets.sum(axis=0)
    rows = [
        [
            Cell(f"{labels[true]} → {labels[said]}"),
            Cell(f"{times:,}"),
            Cell(f"{times / totals[true]:.0%}", bar=times / totals[true]),
        ]
        for true, said, times in top_confusions(counts, _MOST_PAIRS)
    ]
    blocks: list[Matrix | Table] = [Matrix(labels, counts.tolist())] if len(labels) <= _MOST_CELLS else []
    if rows and len(labels) > 2:
        blocks.append(Table(["true → said", "#clips", "#of the true label"], rows, "Mixed up most often"))
    answers = int(counts.sum())
    text = f"{count(answers - int(np.trace(counts)), 'wrong answer')} of {answers:,}. "
    text += "Rows are what a clip is, columns what was said."
    if unanswered := len(pool.scores) - answers:
        text += f" {count(unanswered, 'more clip')} with nothing but silence: no answer, in no column, and wrong."
    return Section(f"{prefix}confusion", "Confusion matrix", text, blocks)


def curves_section(prefix: str, pool: Pool) -> Section | None:
    """ROC and precision over recall, of each label against the others; None for shares and quantities."""
    if pool.task.kind == "regression" or pool.has_shares:
        return None
    columns = [1] if pool.task.kind == "binary" else range(len(pool.task.labels))
    truths = {column: pool.targets[:, column] > 0.5 for column in columns}
    mixed = [column for column, truth in truths.items() if truth.any() and not truth.all()]
    if not mixed:
        return None
    once = np.ones((1, len(pool.targets)))
    areas = {i: float(weighted.roc_auc(pool.scores[:, i], truths[i], once)[0]) for i in mixed}
    mixed.sort(key=lambda i: -areas[i])  # one order, so that a label has one colour in both figures
    rocs, recalls = {}, {}
    for i in mixed:
        scores, label = pool.scores[:, i], pool.task.labels[i]
        precision = float(weighted.average_precision(scores, truths[i], once)[0])
        rocs[f"{label} ({areas[i]:.3f})"] = roc(scores, truths[i])
        recalls[f"{label} ({precision:.3f})"] = precision_recall(scores, truths[i])
    behind = " behind each name" if len(mixed) > 1 else f": {areas[mixed[0]]:.3f}"
    behind_recall = " behind each name" if len(mixed) > 1 else f": {precision:.3f}"
    figures = [
        Figure("ROC", to_svg(draw_roc(rocs), f"{prefix}roc"), f"Area under the curve{behind}."),
        Figure(
            "Precision and recall",
            to_svg(draw_precision_recall(recalls), f"{prefix}recall"),
            f"Average precision{behind_recall}.",
        ),
    ]
    text = "Each label against all others, over all thresholds." if len(mixed) > 1 else "Over all thresholds."
    return Section(f"{prefix}curves", "ROC and precision", text, figures)


def calibration_section(prefix: str, pool: Pool) -> Section | None:
    """Whether scores are probabilities, and where one label is true, accuracy over coverage; None for shares and
    quantities."""
    if pool.task.kind == "regression" or pool.has_shares:
        return None
    several = pool.task.kind == "multi_label"
    confidence, right = confidences(pool)
    bins = confidence_bins(confidence, right)
    trust = reliability(pool.scores, pool.targets, pool.task)
    words = ("score", "share true") if several else ("confidence", "share right")
    figures = [
        Figure(
            "Reliability",
            to_svg(draw_reliability(bins, *words), f"{prefix}reliability"),
            f"{len(bins.right)} bins of equally many answers; on the line, the {words[0]} is what it says.",
        )
    ]
    text = (
        f"Mean {words[0]} {number(confidence.mean())}, {words[1]} {number(right.mean())}; expected calibration error "
    )
    text += f"{number(trust['ece'])}{', the mean over labels' if several else ''}."
    if points := trust.get("coverage_accuracy"):
        half = next(point for point in points if point["coverage"] >= 0.5)
        text += f" Of the half of the clips that it is surest of, {half['accuracy']:.1%} are right."
        curve = Curve(*(np.array([point[key] for point in points]) for key in ("coverage", "accuracy")))
        caption = "When the answers it is least sure of are held back."
        figures.append(Figure("Accuracy over coverage", to_svg(draw_coverage(curve), f"{prefix}coverage"), caption))
    if "accuracy_answered" in trust:
        without = f"{1 - trust['coverage']:.1%} of the clips"
        if pool.task.unknown_below:
            text += f" Below a score of {pool.task.unknown_below:g} it says unknown, to {without}"
        else:
            text += f" To nothing but silence it has no answer, in {without}"
        text += f"; {trust['accuracy_answered']:.1%} of the other answers are right."
    return Section(f"{prefix}calibration", "Calibration", text, figures)


def labels_section(prefix: str, pool: Pool) -> Section:
    """A row for each label, or for each quantity."""
    rows = per_label(pool)
    if pool.task.kind == "regression" or pool.has_shares:
        names = {"mean": "#mean", "mae": "#mean error", "bias": "#bias", "r2": "#R²", "pearson": "#correlation"}
        barred = ("r2", "pearson")
    else:
        names = {
            "clips": "#clips",
            "precision": "#precision",
            "recall": "#recall",
            "f1": "#F1",
            "roc_auc": "#ROC-AUC",
            "average_precision": "#average precision",
        }
        barred = ("f1", "average_precision")
    cells = [
        [Cell(label), *(_value(key, row[key], key in barred) for key in names)]
        for label, row in zip(pool.task.labels, rows, strict=True)
    ]
    title = "By quantity" if pool.task.kind == "regression" else "By label"
    return Section(f"{prefix}labels", title, blocks=[Table(["", *names.values()], cells, shown=30)])


def _value(key: str, value: float, barred: bool) -> Cell:
    if key == "clips":
        return Cell(f"{value:,.0f}")
    return Cell(number(value), bar=min(1.0, max(0.0, value)) if barred and math.isfinite(value) else None)
