"""The models that answer."""

import asyncio
import hmac
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic import SecretStr

from service.errors import CardNotFoundError, ForbiddenError, UnauthorizedError
from service.markdown import to_html
from service.openapi import problems
from service.schemas import LimitsBody, ModelsResponse, ReloadResponse, ServedModel
from service.state import SharedState

router = APIRouter()


@router.get("/v1/models", tags=["models"], responses=problems([401, 429, 500, 503]))
async def models(service: SharedState) -> ModelsResponse:
    """The models that answer, the default one first: labels, input, measured quality; and what files they take."""
    return ModelsResponse(
        models=[ServedModel.of(spec, info.sha256) for spec, info in service.engine.models()],
        limits=LimitsBody.of(service.settings.decode_limits),
        job_limits=LimitsBody.of(service.settings.job_limits),
    )


@router.get(
    "/v1/models/{model}/card",
    tags=["models"],
    response_class=Response,
    responses={
        200: {"content": {kind: {"schema": {"type": "string"}} for kind in ("text/markdown", "text/html")}},
        **problems([401, 404, 422, 429, 500, 503]),
    },
)
async def card(request: Request, model: str, service: SharedState) -> Response:
    """The model card: data, quality, limits. In Markdown; with `Accept: text/html` as HTML without scripts."""
    text = await asyncio.to_thread(service.engine.card, model)
    if not text:
        raise CardNotFoundError("this model came without a card; ask whoever trained it")
    if "text/html" in request.headers.get("accept", ""):
        return Response(to_html(text), media_type="text/html")
    return Response(text, media_type="text/markdown")


@router.post("/v1/models/{model}/reload", tags=["models"], responses=problems([401, 403, 404, 409, 422, 429, 500, 503]))
async def reload(
    request: Request,
    model: str,
    service: SharedState,
    x_admin_token: Annotated[str | None, Header(description="What `AUDIOCNN_ADMIN_TOKEN` says.")] = None,
) -> ReloadResponse:
    """Load the files of a model anew, beside the one that answers, which is replaced once the new one is known to work.

    Requests at work finish on the earlier one. Other processes of the service follow within seconds.
    """
    _only_for_admins(service.settings.admin_token, x_admin_token)
    before = service.engine.find(model)[1]
    spec, info = await service.engine.reload(model)
    service.reloads.tell(model)
    return ReloadResponse(
        request_id=request.state.request_id,
        model=ServedModel.of(spec, info.sha256),
        previous_sha256=before.sha256,
    )


def _only_for_admins(token: SecretStr | None, given: str | None) -> None:
    if token is None:
        raise ForbiddenError("this service reloads nothing; its operator sets AUDIOCNN_ADMIN_TOKEN to allow it")
    if given is None:
        raise UnauthorizedError("this needs the admin token; send it as 'X-Admin-Token: TOKEN'")
    if not hmac.compare_digest(token.get_secret_value().encode(), given.encode()):
        raise ForbiddenError("this is not the admin token")
