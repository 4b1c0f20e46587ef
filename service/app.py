"""The application, put together: `create_app` for `python -m service`, any other ASGI server, and tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import audiocnn
from service import errors, openapi
from service.engines import Engine, LocalEngine
from service.middleware import RequestContext
from service.receive.body import UploadMemory
from service.routes import ROUTERS
from service.settings import Settings
from service.state import ServiceState

_DESCRIPTION = "Classifies recordings with 1D CNNs on the raw waveform."


def create_app(settings: Settings | None = None, engine: Engine | None = None) -> FastAPI:
    """The service as an ASGI application; its lifespan loads the model and releases it.

    settings: read from the environment by default. engine: what classifies, a `LocalEngine` by default.
    """
    settings = settings or Settings()
    engine = engine or LocalEngine(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await engine.start()
        yield
        await engine.close()

    app = FastAPI(
        title="audiocnn",
        version=audiocnn.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,  # names of methods in generated clients
        redirect_slashes=False,  # a redirected upload is sent twice, or not at all by curl
    )
    app.state.service = ServiceState(settings, engine, UploadMemory(settings.max_buffered_bytes))
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(RequestContext)
    errors.install(app)
    openapi.install(app)
    return app
