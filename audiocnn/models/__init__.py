"""The networks, one file for each paper. Importing the package registers them all."""

from audiocnn.models import alexnet, c3d, filterbank_resnet, group_cnn, lenet, m_networks, mlp, mnist_cnn, resnet
from audiocnn.models.registry import Architecture, architecture, build, names, register

__all__ = [
    "Architecture",
    "alexnet",
    "architecture",
    "build",
    "c3d",
    "filterbank_resnet",
    "group_cnn",
    "lenet",
    "m_networks",
    "mlp",
    "mnist_cnn",
    "names",
    "register",
    "resnet",
]
