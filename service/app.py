"""The application, put together: `create_app` for `python -m service`, any other ASGI server, and tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

import audiocnn
from service import errors, openapi
from service.engines import Engine, LocalEngine
from service.engines.follow import ReloadNews
from service.guard.digests import read_digests
from service.guard.headers import SecurityHeaders, allow_origins
from service.guard.keys import OPEN_PATHS, ApiKeys
from service.guard.rate import RateLimit
from service.jobs.runner import JobRunner
from service.jobs.store import JobStore
from service.observe.metrics import Metrics
from service.observe.middleware import RequestContext
from service.receive.body import UploadMemory
from service.receive.pcm import StreamPlaces
from service.routes import ROUTERS
from service.settings import Settings
from service.state import ServiceState

_DESCRIPTION = "Classifies recordings with 1D CNNs on the raw waveform."


def create_app(
    settings: Settings | None = None, engine: Engine | None = None, shared_dir: Path | None = None
) -> FastAPI:
    """The service as an ASGI application; its lifespan loads the model and releases it.

    settings: read from the environment by default. engine: what classifies, by default the one in the settings.
    shared_dir: a folder for what several processes of one service share, none for a single one. Raises `ConfigError`
    for API keys that cannot be read, and what `Settings.check_engine` does.
    """
    settings = settings or Settings()
    metrics = Metrics()
    engine = engine or _engine(settings, metrics)
    jobs = JobStore(
        settings.jobs_dir,
        ttl_s=settings.job_ttl_s,
        lease_s=settings.job_lease_s,
        max_waiting=settings.max_jobs,
        max_bytes=settings.max_jobs_bytes,
    )
    runner = JobRunner(jobs, engine, settings)
    news = ReloadNews(shared_dir, engine)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await engine.start()
        runner.start()
        following = asyncio.create_task(news.follow())
        yield
        following.cancel()
        await runner.stop()
        await engine.close()

    app = FastAPI(
        title="audiocnn",
        version=audiocnn.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,  # names of methods in generated clients
        docs_url=None,  # FastAPI's pages load scripts from another host; see routes/docs.py
        redoc_url=None,
        redirect_slashes=False,  # a redirected upload is sent twice, or not at all by curl
    )
    service = ServiceState(
        settings,
        engine,
        UploadMemory(settings.max_buffered_bytes),
        metrics,
        jobs,
        runner.wake,
        StreamPlaces(settings.max_streams),
        news,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    _guard(app, settings, shared_dir)
    app.add_middleware(RequestContext, service=service)
    app.add_middleware(SecurityHeaders)
    errors.install(app)
    openapi.install(app)
    return app


def _engine(settings: Settings, metrics: Metrics) -> Engine:
    if settings.engine == "local":
        return LocalEngine(settings, metrics)
    settings.check_engine()
    from service.engines.ray_serve import RayEngine

    return RayEngine(settings, metrics)


def _guard(app: FastAPI, settings: Settings, shared_dir: Path | None) -> None:
    """Keys, and CORS around them: browsers ask without a key first, and their pages may read a 401."""
    if digests := read_digests(settings.api_keys, settings.api_keys_file):
        per_minute = settings.rate_limit_per_minute
        file = None if shared_dir is None else shared_dir / "rates"
        rate = RateLimit(len(digests), per_minute, settings.rate_limit_burst, file) if per_minute else None
        open_paths = OPEN_PATHS | {"/metrics"} if settings.metrics_open else OPEN_PATHS
        app.add_middleware(ApiKeys, digests=digests, open_paths=open_paths, rate=rate)
    if origins := settings.cors_origins.replace(",", " ").split():
        allow_origins(app, origins)
