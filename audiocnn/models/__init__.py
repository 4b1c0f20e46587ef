"""The networks, one file for each paper. Importing the package registers them all."""

from audiocnn.models import filterbank_resnet, m_networks
from audiocnn.models.registry import Architecture, architecture, build, names, register

__all__ = ["Architecture", "architecture", "build", "filterbank_resnet", "m_networks", "names", "register"]
