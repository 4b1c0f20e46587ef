"""The networks, one file for each paper. Importing the package registers them all."""

from audiocnn.models import filterbank_resnet, m_networks
from audiocnn.models.registry import build, names, register

__all__ = ["build", "filterbank_resnet", "m_networks", "names", "register"]
