"""Jobs: files too long to wait for."""

import asyncio
import hashlib
import json
import time
import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from audiocnn.spec import recut
from service.jobs.record import Job
from service.openapi import UPLOAD, problems
from service.receive.query import each_once
from service.receive.spool import spool
from service.schemas import ClassifyParameters, JobBody
from service.state import SharedState

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.post(
    "",
    name="submit_job",
    dependencies=[Depends(each_once)],
    status_code=202,
    response_model_exclude_unset=True,
    responses=problems([400, 401, 404, 408, 413, 415, 422, 429, 500, 503]),
    openapi_extra=UPLOAD,
)
async def submit(
    request: Request,
    response: Response,
    parameters: Annotated[ClassifyParameters, Query()],
    service: SharedState,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Any text of yours: a request with the same file, parameters and key is answered with the "
            "same job, however often it is sent.",
        ),
    ] = None,
) -> JobBody:
    """Classify one file later, as `POST /classify` would. `Location` says where its state and its answer will be.

    Longer files are taken than by `POST /classify`. A job goes on after a restart of the service; its upload is deleted
    once it is finished, its answer after a day.
    """
    settings, store = service.settings, service.jobs
    spec, info = service.engine.find(parameters.model)
    recut(spec.input, parameters.window_s, parameters.hop_s)
    declared = request.headers.get("content-length", "0")
    expected = int(declared) if declared.isdecimal() else 0
    if expected <= settings.max_job_bytes:  # more is refused for ever, and not until there is room
        await asyncio.to_thread(store.check_room, expected)
    job_id = uuid.uuid4().hex
    path = store.upload_path(job_id)
    asked = parameters.model_dump(exclude_unset=True)
    try:
        num_bytes, sha256 = await spool(request, path, spec.input.media, settings, service.memory, store.check_bytes)
        fingerprint = hashlib.sha256(json.dumps([sha256, sorted(asked.items())]).encode()).hexdigest()
        job = Job(job_id, "queued", info.name, asked, request.state.request_id, num_bytes, fingerprint, time.time())
        kept = await asyncio.to_thread(store.add, job, idempotency_key)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if kept.id != job_id:
        path.unlink(missing_ok=True)
    service.wake_jobs()
    response.headers["Location"] = f"/v1/jobs/{kept.id}"
    return JobBody.of(kept)


@router.get(
    "/{job_id}",
    name="job",
    response_model_exclude_unset=True,
    responses=problems([401, 404, 422, 429, 500, 503]),
)
async def job(job_id: str, service: SharedState) -> JobBody:
    """The state of a job, and its answer once it is done."""
    return JobBody.of(await asyncio.to_thread(service.jobs.get, job_id))


@router.delete("/{job_id}", name="remove_job", status_code=204, responses=problems([401, 404, 422, 429, 500, 503]))
async def remove(job_id: str, service: SharedState) -> None:
    """Cancel a job that waits or is at work; forget one that is finished."""
    await asyncio.to_thread(service.jobs.remove, job_id)
