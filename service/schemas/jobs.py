"""What the endpoints of jobs answer."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from service.jobs.record import Job
from service.schemas.classify import ClassifyResponse
from service.schemas.problem import Problem


class ProgressBody(BaseModel):
    heard_s: float = Field(description="Seconds of sound or video so far.")


class JobBody(BaseModel):
    """A job: `result` once it is done, `problem` once it has failed."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    model: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = Field(None, description="When a finished job is forgotten.")
    progress: ProgressBody
    result: ClassifyResponse | None = None
    problem: Problem | None = None

    @classmethod
    def of(cls, job: Job) -> "JobBody":
        times = {"created_at": job.created, "started_at": job.started, "finished_at": job.finished}
        given = {name: datetime.fromtimestamp(at, UTC) for name, at in times.items() if at is not None}
        if job.expires is not None:
            given["expires_at"] = datetime.fromtimestamp(job.expires, UTC)
        outcome = {name: value for name in ("result", "problem") if (value := getattr(job, name)) is not None}
        progress = {"heard_s": round(job.heard_s, 3)}
        return cls.model_validate(
            {"id": job.id, "state": job.state, "model": job.model, **given, "progress": progress, **outcome}
        )
