"""What the network is to answer: the task of a data set, and the right answer for each clip."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from audiocnn.spec import Quantity, TaskSpec
from training.config import DataConfig
from training.data.manifest import Clip, label_names


def task_of(config: DataConfig, clips: Sequence[Clip], train: Sequence[Clip]) -> TaskSpec:
    """The task of a data set: the labels of all `clips`, and the mean and deviation of quantities in `train`.

    Raises `ConfigError` for a quantity that is the same in all of `train`: there is nothing to learn.
    """
    if config.kind == "regression":
        return TaskSpec("regression", tuple(config.quantities), tuple(_quantities(config, train)))
    labels = label_names(clips)
    if config.kind == "binary":
        labels = tuple(sorted(labels, key=lambda label: label == config.positive))
    return TaskSpec(config.kind, labels)


def targets_of(clips: Sequence[Clip], task: TaskSpec) -> NDArray[np.float64]:
    """One row for each clip, `(clips, labels)`: 1 for its labels and 0 for others, or the values of the quantities.

    Raises `ConfigError` for a clip with a label, or without a quantity, of the task.
    """
    if task.kind == "regression":
        missing = next((label for clip in clips for label in task.labels if label not in clip.values), None)
        if missing:
            raise ConfigError(f"the clips have no {missing!r}, which the model answers; name it in data.quantities")
        return np.array([[clip.values[label] for label in task.labels] for clip in clips])
    unknown = sorted({label for clip in clips for label in clip.labels} - set(task.labels))
    if unknown:
        raise ConfigError(f"the clips have labels {', '.join(unknown)}, the model knows {', '.join(task.labels)}")
    return np.array([[float(label in clip.labels) for label in task.labels] for clip in clips])


def _quantities(config: DataConfig, train: Sequence[Clip]) -> list[Quantity]:
    quantities = []
    for name, quantity in config.quantities.items():
        values = np.array([clip.values[name] for clip in train])
        if not values.std() > 0:
            raise ConfigError(f"data.quantities.{name} is {values[0]:g} in all clips to train on: nothing to learn")
        low, high = quantity.range or (None, None)
        quantities.append(Quantity(quantity.unit, low, high, float(values.mean()), float(values.std())))
    return quantities
