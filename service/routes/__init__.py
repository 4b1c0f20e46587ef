"""The endpoints, one file for each concern."""

from service.routes import classify, docs, health, inspect, jobs, lectures, models, oip, page, stream

ROUTERS = (
    classify.router,
    inspect.router,
    lectures.router,
    jobs.router,
    stream.router,
    models.router,
    oip.router,
    health.router,
    docs.router,
    page.router,
)
