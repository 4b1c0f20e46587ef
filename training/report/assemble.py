"""From runs to a `Document`: which sections the data allow, in the order they are read."""

from collections.abc import Sequence
from pathlib import Path

from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN
from training.report.amounts import amounts_section
from training.report.baselines import Baseline
from training.report.classes import calibration_section, confusion_section, curves_section, labels_section
from training.report.clips import clips_section, groups_section
from training.report.document import Document, Part, Section, count
from training.report.inside import inside_section
from training.report.load import Run, pool_of, tested_clips
from training.report.quality import Measured, averaging_section, measured, quality_section, tiles
from training.report.training_part import facts, learning_section, runs_section


def assemble(runs: Sequence[Run], page: Path, data: Path | None, baselines: Sequence[Baseline]) -> Document:
    """The report about runs of one recipe.

    page: the folder it will lie in. data: the folder of the clips, by default where they were in training.
    Raises `ConfigError` for runs that were never evaluated, for runs of different recipes, and for baselines that
    answer something else.
    """
    first = runs[0]
    _check(runs)
    _check_baselines(first, baselines)
    data = data or _data_of(first)
    many = bool(first.spec.side_tasks)
    parts = []
    for name in first.spec.tasks:
        if (found := _part(name, runs, many, page, data, baselines)) is not None:
            parts.append(found)
    last = [section for section in [learning_section(runs), inside_section(first, data)] if section]
    parts.append(Part("training", "Training" if many else "", sections=last))
    return Document(first.spec.name, summary_of(runs), facts(runs), parts)


def summary_of(runs: Sequence[Run]) -> str:
    """How many runs of what were tested on how many clips, and how many of these their training knew."""
    tested = count(len(tested_clips(runs)), "clip")
    text = f"{count(len(runs), 'run')} of {runs[0].spec.architecture}, tested on {tested}."
    trained = frozenset().union(*(run.tested & run.trained for run in runs))
    chose = frozenset().union(*(run.tested & run.chose_epoch for run in runs))
    if trained:
        text += f" The training saw {len(trained):,} of these: the figures are too good."
    if chose:
        text += f" By {len(chose):,} of these, validation clips, it was chosen which epoch to keep: "
        text += "the figures are a little too good."
    return text


def _part(
    name: str, runs: Sequence[Run], many: bool, page: Path, data: Path | None, baselines: Sequence[Baseline]
) -> Part | None:
    pool = pool_of(runs, name)
    if pool is None:
        return None
    first = runs[0]
    merge = first.recipe["merge"] if name == MAIN else {}
    prefix = f"{name}-" if name else ""
    column = first.recipe["data"]["group"] or "group"
    singles = [single for run in runs if (single := pool_of([run], name)) is not None]
    metrics = measured(pool, singles, merge)
    beside = baselines if name == MAIN else []
    sections: list[Section | None] = [
        quality_section(prefix, pool, metrics, merge, beside),
        _if_main(name, runs, metrics),
        confusion_section(prefix, pool),
        amounts_section(prefix, pool),
        labels_section(prefix, pool),
        averaging_section(prefix, pool, metrics),
        curves_section(prefix, pool),
        calibration_section(prefix, pool),
        groups_section(prefix, pool, column),
        clips_section(prefix, pool, column, data, page, first.spec.input.media),
    ]
    title = (name or first.recipe["data"]["label"] or "main task") if many else ""
    return Part(f"{prefix}task", title, tiles(metrics), [section for section in sections if section])


def _if_main(name: str, runs: Sequence[Run], metrics: Sequence[Measured]) -> Section | None:
    return runs_section(runs, metrics) if name == MAIN else None


def _check(runs: Sequence[Run]) -> None:
    if untested := [run.folder for run in runs if run.answered is None]:
        raise ConfigError(
            f"{untested[0]} was not evaluated yet: python -m training evaluate CONFIG --data DATA --run {untested[0]}"
        )
    recipes = [{key: value for key, value in run.recipe.items() if key != "seed"} for run in runs]
    other = next((run for run, recipe in zip(runs, recipes, strict=True) if recipe != recipes[0]), None)
    if other:
        raise ConfigError(f"{other.folder} is of another recipe than {runs[0].folder}; report one at a time")


def _check_baselines(run: Run, baselines: Sequence[Baseline]) -> None:
    labels = run.spec.task.labels
    if other := next((baseline for baseline in baselines if baseline.labels != labels), None):
        raise ConfigError(f"{other.name} answers {', '.join(other.labels)}, the model {', '.join(labels)}")


def _data_of(run: Run) -> Path | None:
    return Path(run.starts[-1]["data"]) if run.starts else None
