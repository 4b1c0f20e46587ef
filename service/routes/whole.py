"""Files are sent whole, whatever part is asked for, as HTTP allows."""

from fastapi import Request

ACCEPT_RANGES = {"Accept-Ranges": "none"}


async def whole_files(request: Request) -> None:
    """To be depended on by routes that send files: Starlette answers ranges that it cannot serve with plain text."""
    request.scope["headers"] = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
