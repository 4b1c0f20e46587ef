"""What the requests of one application share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from service.engines import Engine
from service.engines.follow import ReloadNews
from service.jobs.store import JobStore
from service.observe.metrics import Metrics
from service.receive.body import UploadMemory
from service.receive.pcm import StreamPlaces
from service.settings import Settings


@dataclass(slots=True)
class ServiceState:
    """Kept in `app.state.service`.

    wake_jobs: to be called when there is a new one. draining: set once the process has been told to stop.
    """

    settings: Settings
    engine: Engine
    memory: UploadMemory
    metrics: Metrics
    jobs: JobStore
    wake_jobs: Callable[[], None]
    streams: StreamPlaces
    reloads: ReloadNews
    draining: bool = False


async def _service_state(connection: HTTPConnection) -> ServiceState:  # FastAPI gives what is not `async` to a thread
    state: ServiceState = connection.app.state.service
    return state


SharedState = Annotated[ServiceState, Depends(_service_state)]
