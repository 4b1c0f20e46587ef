"""What the network is to answer: the task of a data set, and the right answer for each clip."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN, Quantity, TaskSpec
from training.config import Config, DataConfig, SideTaskConfig
from training.data.manifest import Clip, Truth, label_names


def tasks_of(config: Config, clips: Sequence[Clip], train: Sequence[Clip]) -> dict[str, TaskSpec]:
    """All tasks of a run as in `ModelSpec.tasks`: the main one under the name "", then the side tasks by name.

    Raises `ConfigError` for a listed label that none of `clips` has, and what `task_of` raises.
    """
    described: dict[str, DataConfig | SideTaskConfig] = {MAIN: config.data, **dict(sorted(config.side_tasks.items()))}
    tasks = {}
    for name, task in described.items():
        section = "data" if name == MAIN else f"side_tasks.{name}"
        found, learned = truths_of(clips, name), truths_of(train, name)
        absent = sorted(set(task.labels) - set(label_names(found)))
        if absent:
            raise ConfigError(
                f"{section}.labels lists {', '.join(absent)}, which none of the {len(clips)} clips has; "
                "add clips or take it out of the list"
            )
        answers = isinstance(task, DataConfig) or task.answers
        tasks[name] = task_of(task, found if answers else learned, learned, section)
    return tasks


def answered_of(config: Config, tasks: Mapping[str, TaskSpec]) -> dict[str, TaskSpec]:
    """Those of a run's `tasks` that its finished model answers."""
    return {name: task for name, task in tasks.items() if name == MAIN or config.side_tasks[name].answers}


def task_of(
    config: DataConfig | SideTaskConfig,
    clips: Sequence[Clip | Truth],
    train: Sequence[Clip | Truth],
    section: str = "data",
) -> TaskSpec:
    """The task of a data set: the labels of all `clips`, and the mean and deviation of quantities in `train`.

    section: that of `config` in the recipe, for messages.
    Raises `ConfigError` for the same labels or shares, or the same value of a quantity, in all of `train`: there is
    nothing to learn.
    """
    if config.kind == "regression":
        return TaskSpec("regression", tuple(config.quantities), tuple(_quantities(config, train, section)))
    if len({(frozenset(clip.labels), *sorted(clip.values.items())) for clip in train}) < 2:
        shares = [f"{name} {value:g}" for name, value in train[0].values.items()]
        answer = ", ".join(shares or train[0].labels) or "none"
        raise ConfigError(
            f"all {len(train)} clips to train on have the label {answer}: nothing to learn for [{section}]; divide the "
            "clips so that several labels are among those to train on"
        )
    if config.shares:
        return TaskSpec(config.kind, config.shares)
    labels = label_names(clips)
    if config.kind == "binary":
        labels = tuple(sorted(labels, key=lambda label: label == config.positive))
    return TaskSpec(config.kind, labels)


def all_targets(clips: Sequence[Clip], tasks: Mapping[str, TaskSpec]) -> NDArray[np.float64]:
    """What `targets_of` gives for each of `tasks`, side by side: `(clips, labels of all tasks)`.

    Raises `ConfigError` also for clips that were read without one of the tasks.
    """
    return np.concatenate([targets_of(truths_of(clips, name), task) for name, task in tasks.items()], axis=1)


def targets_of(clips: Sequence[Clip | Truth], task: TaskSpec) -> NDArray[np.float64]:
    """One row for each clip, `(clips, labels)`: 1 for its labels and 0 for others, its shares of them, or the values of
    the quantities.

    Raises `ConfigError` for a clip with a label that the task does not know, or without one of its quantities.
    """
    if task.kind == "multi_label" and any(clip.values for clip in clips):
        missing = next((label for clip in clips for label in task.labels if label not in clip.values), None)
        if missing:
            raise ConfigError(f"the clips have no share of {missing!r}, which the model answers; name it in shares")
        return np.array([[clip.values[label] for label in task.labels] for clip in clips])
    if task.kind == "regression":
        missing = next((label for clip in clips for label in task.labels if label not in clip.values), None)
        if missing:
            raise ConfigError(f"the clips have no {missing!r}, which the model answers; name it in data.quantities")
        return np.array([[clip.values[label] for label in task.labels] for clip in clips])
    unknown = sorted({label for clip in clips for label in clip.labels} - set(task.labels))
    if unknown:
        raise ConfigError(f"the clips have labels {', '.join(unknown)}, the model knows {', '.join(task.labels)}")
    return np.array([[float(label in clip.labels) for label in task.labels] for clip in clips])


def following_speed(config: Config, tasks: Mapping[str, TaskSpec]) -> NDArray[np.bool_]:
    """Which columns of `all_targets` change with the speed at which a window runs, `(labels of all tasks,)`."""
    columns = []
    for name, task in tasks.items():
        quantities = config.data.quantities if name == MAIN else config.side_tasks[name].quantities
        columns += [label in quantities and quantities[label].follows_speed for label in task.labels]
    return np.array(columns)


def truths_of(clips: Sequence[Clip], name: str) -> Sequence[Clip | Truth]:
    """What is right for each clip in one task, by its name. Raises `ConfigError` for clips read without that task."""
    if name == MAIN:
        return clips
    if any(name not in clip.side for clip in clips):
        raise ConfigError(f"the clips were read without the side task {name!r}; describe it in [side_tasks.{name}]")
    return [clip.side[name] for clip in clips]


def _quantities(config: DataConfig | SideTaskConfig, train: Sequence[Clip | Truth], section: str) -> list[Quantity]:
    quantities = []
    for name, quantity in config.quantities.items():
        values = np.array([clip.values[name] for clip in train])
        if not values.std() > 0:
            raise ConfigError(
                f"{section}.quantities.{name} is {values[0]:g} in all clips to train on: nothing to learn"
            )
        low, high = quantity.range or (None, None)
        scaled = np.log(values) if quantity.scale == "log" else values
        mean, deviation = float(scaled.mean()), float(scaled.std())
        scale, bins, tolerance = quantity.scale, quantity.bins, quantity.tolerance
        quantities.append(Quantity(quantity.unit, low, high, mean, deviation, scale, bins, tolerance))
    return quantities
