"""The maps of a network in torch.

`Maps.activations` are Grad-CAM: Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
localization", ICCV 2017 (arXiv 1610.02391), equations 1 and 2, on the last feature map of enough positions. Each
channel is weighted by the gradient of the class's logit, and the channels are summed at every position.
Deviations: the gradients are summed over the positions and not averaged, so that the unit is logits. Behind a mean and
a linear layer, a position then has what the logit, without its bias, would be if all positions were like this one,
which is the class activation map of Zhou et al., "Learning deep features for discriminative localization", CVPR 2016
(arXiv 1512.04150). And negative values, which speak against the class, are kept.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audiocnn.insight.maps import Maps, channels_first, class_activations
from audiocnn.nn.layer import LayerCost


def maps(network: nn.Module, values: NDArray[np.float32], features: Sequence[LayerCost], where: LayerCost) -> Maps:
    """Run `network` on one input `(channels, *axes)` and keep the maps of the layers `features`, and the activations
    of each class at the layer `where`. The network itself is not changed."""
    with _kept(network, {layer.name for layer in (*features, where)}) as outputs, torch.enable_grad():
        logits = network(torch.from_numpy(values)[None])[0]
        at = outputs[where.name]
        gradients = [torch.autograd.grad(logit, at, retain_graph=True)[0][0] for logit in logits]
    return Maps(
        logits=logits.detach().numpy(),
        features={layer.name: channels_first(outputs[layer.name].detach()[0].numpy(), layer) for layer in features},
        activations=class_activations(at.detach()[0].numpy(), torch.stack(gradients).numpy(), where),
    )


@contextmanager
def _kept(network: nn.Module, names: set[str]) -> Iterator[dict[str, Tensor]]:
    """Inside, the outputs of the layers `names` are kept as they are computed."""
    outputs: dict[str, Tensor] = {}
    handles = [
        network.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: outputs.update({name: out}))
        for name in names
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
