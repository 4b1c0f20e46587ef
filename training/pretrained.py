"""Weights to begin with that another training has found: `model.pretrained`."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from audiocnn import checkpoint, models, pretrained
from audiocnn.errors import ConfigError
from audiocnn.nn.heads import Heads
from audiocnn.spec import AudioSpec, Quantity, TaskSpec
from training.config.run import Config, ModelConfig

_NAMED = 5  # weights in a message


def origin(model: ModelConfig) -> dict[str, Any]:
    """What the model that `model.pretrained` names is, for the record: name, version, licence and SHA-256 of its
    weights; nothing without one.

    Raises `UnknownModelError` and `CheckpointError` where there is no such model.
    """
    if not model.pretrained:
        return {}
    directory = pretrained.resolve(model.pretrained)
    spec = checkpoint.read_spec(directory)
    return {
        "name": spec.name,
        "version": spec.version,
        "licence": spec.licence,
        "weights_sha256": checkpoint.weights_sha256(directory),
    }


def take_weights(network: nn.Module, config: Config, taught: Heads, tasks: Mapping[str, TaskSpec]) -> None:
    """Give `network`, built as `config` says for the tasks of `taught`, the weights of `model.pretrained`.

    In the last layer those of `tasks` have them that the pretrained model answers as well, with outputs of the same
    meaning: the same kind and labels, and for quantities the same scale and, with bins, as many over the same range,
    without, the same mean and deviation of the training data. The rest stays as it is.
    Raises `ConfigError` for a model of another architecture, other sizes or another sample rate, `UnknownModelError`
    and `CheckpointError` where there is none or it is damaged.
    """
    model, directory = config.model, pretrained.resolve(config.model.pretrained)
    spec, source = checkpoint.load_network(directory)
    if spec.architecture != model.architecture:
        raise ConfigError(
            f"model.pretrained must be a {model.architecture!r}, which is model.architecture; {spec.name!r} in "
            f"{directory} is a {spec.architecture!r}: change one of the two"
        )
    if isinstance(spec.input, AudioSpec) and isinstance(config.input, AudioSpec):
        theirs_hz, own_hz = spec.input.sample_rate, config.input.sample_rate
        if theirs_hz != own_hz:
            raise ConfigError(
                f"model.pretrained must hear sound at input.sample_rate = {own_hz}, {spec.name!r} in {directory} hears "
                f"it at {theirs_hz}, where its filters mean other pitches: set both to one rate"
            )
    theirs, own, last = source.state_dict(), network.state_dict(), _last_layer(model)
    shared = own.keys() - last
    wrong = sorted(name for name in shared if _shape(theirs, name) != _shape(own, name))
    if wrong:
        listed = ", ".join(f"{name} ({_shape(theirs, name)} for {_shape(own, name)})" for name in wrong[:_NAMED])
        raise ConfigError(
            f"model.pretrained must have the sizes that model.arguments ask for, {spec.name!r} in {directory} has "
            f"others: {listed}{' and more' if len(wrong) > _NAMED else ''}; its arguments are {dict(spec.arguments)}"
        )
    for name in shared:
        own[name].copy_(theirs[name])
    outputs = Heads(spec.tasks).outputs
    for task, mine in tasks.items():
        known = spec.tasks.get(task)
        if known is not None and _meaning(known) == _meaning(mine):
            for name in last:
                own[name][taught.outputs[task]] = theirs[name][outputs[task]].to(own[name].device)


def _meaning(task: TaskSpec) -> tuple[Any, ...]:
    """What the outputs for a task stand for; equal only for tasks that can share their part of the last layer."""
    return task.kind, task.labels, [_scale_of(quantity) for quantity in task.quantities]


def _scale_of(quantity: Quantity) -> tuple[Any, ...]:
    """What turns the outputs for a quantity into its values: the centres of bins, or mean and deviation."""
    ends = (quantity.low, quantity.high) if quantity.bins else (quantity.mean, quantity.deviation)
    return quantity.scale, quantity.bins, *ends


def _last_layer(model: ModelConfig) -> set[str]:
    """The names of the weights that have a row for each output."""
    few, more = (models.build(model.architecture, n, model.arguments).state_dict() for n in (2, 3))
    return {name for name in few if few[name].shape != more[name].shape}


def _shape(weights: dict[str, Tensor], name: str) -> str:
    return " x ".join(map(str, weights[name].shape)) or "a number" if name in weights else "nothing"
