"""The body of an error, as RFC 9457 has it."""

import json
import uuid
from typing import Any

RETRY_AFTER_S = 1
"""Told to clients with a 503 that says nothing better: a queue of short files moves within a second."""


def problem_body(status: int, *, title: str, detail: str, code: str, instance: str, request_id: str) -> dict[str, Any]:
    """The members of the problem, in the order in which clients see them."""
    return {
        "type": f"urn:audiocnn:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": request_id,
    }


def problem_bytes(status: int, *, title: str, detail: str, code: str) -> tuple[bytes, str]:
    """The body of a request refused before it was read, and the id made for it."""
    request_id = str(uuid.uuid4())
    body = problem_body(status, title=title, detail=detail, code=code, instance="", request_id=request_id)
    return json.dumps(body, separators=(",", ":")).encode(), request_id
