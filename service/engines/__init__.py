"""What classifies, behind one protocol."""

from service.engines.local import LocalEngine
from service.engines.protocol import ClassifyRequest, Engine, InspectRequest, Served

__all__ = ["ClassifyRequest", "Engine", "InspectRequest", "LocalEngine", "Served"]
