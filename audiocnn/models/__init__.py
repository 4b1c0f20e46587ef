"""The networks, one file for each paper. Importing the package registers them all."""

from audiocnn.models import (
    acdnet,
    alexnet,
    c3d,
    envnet,
    filterbank_resnet,
    group_cnn,
    lenet,
    m_networks,
    mlp,
    mnist_cnn,
    panns,
    resnet,
    sample_cnn,
    sample_level,
<<<<<<< HEAD
    silence_detector,
=======
    small_resnet,
>>>>>>> 9125fe8f8d48a839ee32e9ece51793d3dfbfa37d
    wave_pyramid,
)
from audiocnn.models.registry import Architecture, architecture, build, names, register

__all__ = [
    "Architecture",
    "acdnet",
    "alexnet",
    "architecture",
    "build",
    "c3d",
    "envnet",
    "filterbank_resnet",
    "group_cnn",
    "lenet",
    "m_networks",
    "mlp",
    "mnist_cnn",
    "names",
    "panns",
    "register",
    "resnet",
    "sample_cnn",
    "sample_level",
<<<<<<< HEAD
    "silence_detector",
=======
    "small_resnet",
>>>>>>> 9125fe8f8d48a839ee32e9ece51793d3dfbfa37d
    "wave_pyramid",
]
