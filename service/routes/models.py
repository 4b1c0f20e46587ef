"""The models that answer."""

from fastapi import APIRouter

from service.openapi import problems
from service.schemas import ModelsResponse, ServedModel
from service.state import SharedState

router = APIRouter()


@router.get("/v1/models", tags=["models"], responses=problems([401, 429, 500, 503]))
async def models(service: SharedState) -> ModelsResponse:
    """The model that answers: its labels, its input, its measured quality."""
    spec, info = service.engine.model
    return ModelsResponse(models=[ServedModel.of(spec, info.sha256)])
