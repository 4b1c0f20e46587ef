"""The endpoints, one file for each concern."""

from service.routes import classify, health, models

ROUTERS = (classify.router, models.router, health.router)
