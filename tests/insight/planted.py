"""Models whose weights are set by hand, so that it is known where each class must be seen, and files to show them."""

import numpy as np
import torch

from audiocnn import checkpoint, models
from audiocnn.spec import AudioSpec, ModelSpec, TaskSpec

RATE = 8000
LOW_HZ, HIGH_HZ = 500, 2500
LABELS = ("low", "high")


def tone_detector(directory, window=RATE, hop=RATE // 2, silence_db=-70.0):
    """An M3 that hears one second at a time: its first filters are short waves of 500 and 2500 Hz, its second layer
    passes them on, and its head takes the first for `low`, the second for `high`."""
    network = models.build("m3", 2)
    times = (torch.arange(80) - 39.5) / RATE
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.weight.fill_(1)
        first, second = network.features[0].conv, network.features[2].conv
        for channel, hertz in enumerate((LOW_HZ, HIGH_HZ)):
            first.weight[channel, 0] = torch.hann_window(80) * torch.cos(2 * torch.pi * hertz * times) / 20
            second.weight[channel, channel, 1] = 1
            network.head.weight[channel, channel] = 50
        network.head.bias.copy_(torch.tensor([0.25, -0.5]))
    spec = ModelSpec(
        "tones",
        "1",
        "m3",
        {},
        AudioSpec(RATE, window, hop, normalisation="none", silence_db=silence_db),
        TaskSpec("single_label", LABELS),
    )
    checkpoint.save(directory, spec, network)
    return directory


def tones(seconds, *events):
    """Faint noise with tones in it; events: (Hz, first second, last second)."""
    samples = 0.001 * np.random.default_rng(0).standard_normal(round(seconds * RATE))
    times = np.arange(len(samples)) / RATE
    for hertz, start_s, end_s in events:
        samples += 0.5 * np.sin(2 * np.pi * hertz * times) * ((times >= start_s) & (times < end_s))
    return samples


def brightness_detector(directory, input_spec):
    """A LeNet-5 over 2 or 3 axes whose head says `bright` where pixels are, and `dark` for the opposite."""
    arguments = {"ndim": input_spec.ndim, "in_channels": input_spec.channels}
    network = models.build("lenet-5", 2, arguments)
    convolutions = [network.features[i].conv for i in (0, 2, 4)]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        convolutions[0].weight[0] = 1 / convolutions[0].weight[0].numel()
        for convolution in convolutions[1:]:
            convolution.weight[(0, 0, *(2,) * input_spec.ndim)] = 1
        network.features[6].weight[0, 0] = 1
        network.head.weight[:, 0] = torch.tensor([5.0, -5.0])
    spec = ModelSpec("lights", "1", "lenet-5", arguments, input_spec, TaskSpec("single_label", ("bright", "dark")))
    checkpoint.save(directory, spec, network)
    return directory
