"""The models that answer."""

from fastapi import APIRouter

from service.openapi import problems
from service.schemas import ModelsResponse, ServedModel
from service.state import SharedState

router = APIRouter()


@router.get("/v1/models", tags=["models"], responses=problems([401, 429, 500, 503]))
async def models(service: SharedState) -> ModelsResponse:
    """The models that answer, the default one first: labels, input, measured quality."""
    return ModelsResponse(models=[ServedModel.of(spec, info.sha256) for spec, info in service.engine.models()])
