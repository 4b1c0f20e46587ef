"""What the requests of one application share."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from service.engines import Engine
from service.observe.metrics import Metrics
from service.receive.body import UploadMemory
from service.settings import Settings


@dataclass(slots=True)
class ServiceState:
    """Kept in `app.state.service`. draining: set once the process has been told to stop."""

    settings: Settings
    engine: Engine
    memory: UploadMemory
    metrics: Metrics
    draining: bool = False


def _service_state(request: Request) -> ServiceState:
    state: ServiceState = request.app.state.service
    return state


SharedState = Annotated[ServiceState, Depends(_service_state)]
