"""What classifies, behind one protocol."""

from service.engines.local import LocalEngine
from service.engines.protocol import Engine

__all__ = ["Engine", "LocalEngine"]
