"""The endpoints, one file for each concern."""

from service.routes import classify, docs, health, jobs, models, oip

ROUTERS = (classify.router, jobs.router, models.router, oip.router, health.router, docs.router, docs.root)
