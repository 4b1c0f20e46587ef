"""The upload, received within limits on its size, its time and the memory that all uploads share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from fastapi import Request

from audiocnn.errors import EmptyAudioError, EmptyVisualError
from audiocnn.spec import Media
from service.errors import BodyTooLargeError, OverloadedError, SlowBodyError, UnsupportedMediaTypeError
from service.receive.multipart import file_of
from service.settings import Settings

_EXAMPLES = {"audio": "audio/wav", "image": "image/png", "video": "video/mp4"}  # volumes have no type of their own
_ENVELOPE = 65_536  # bytes a multipart body may have beside its file


class UploadMemory:
    """Counts the bytes of all uploads in memory, so that many large ones at a time are refused and not swapped."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """A function that counts so many more bytes as held until the block ends.

        It raises `OverloadedError` if they do not fit.
        """
        taken = 0

        def take(num_bytes: int) -> None:
            nonlocal taken
            if self._held + num_bytes > self._max_bytes:
                raise OverloadedError("too many large uploads at the same time; try again shortly")
            self._held += num_bytes
            taken += num_bytes

        try:
            yield take
        finally:
            self._held -= taken


@asynccontextmanager
async def uploaded_file(
    request: Request, memory: UploadMemory, settings: Settings, media: Media
) -> AsyncIterator[bytes]:
    """The file to classify: the body of `request`, or the file in its form. Counted in `memory` until the block ends.

    media: what the model takes. Raises the `RequestError` that fits, and `EmptyAudioError` or `EmptyVisualError` for
    a body of no bytes.
    """
    with memory.share() as take:
        yield await _file(request, take, settings, media)


async def _file(request: Request, take: Callable[[int], None], settings: Settings, media: Media) -> bytes:
    content_type = request.headers.get("content-type", "application/octet-stream")
    media_type = content_type.split(";")[0].strip().lower()
    is_form = media_type == "multipart/form-data"
    if not (is_form or media_type == "application/octet-stream" or media_type.startswith(f"{media}/")):
        typed = f"{_EXAMPLES[media]} (any {media}/*) or " if media in _EXAMPLES else ""
        raise UnsupportedMediaTypeError(
            f"the model takes {media}: send it as multipart/form-data in the field 'file', or as the whole body with "
            f"Content-Type {typed}application/octet-stream"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("the body must not be compressed; send it without Content-Encoding")
    body = await _body(request, take, settings, settings.max_upload_bytes + (_ENVELOPE if is_form else 0))
    if not body:
        error = EmptyAudioError if media == "audio" else EmptyVisualError
        raise error(f"the request has no body; send the {media} in it")
    return file_of(body, content_type) if is_form else body


async def _body(request: Request, take: Callable[[int], None], settings: Settings, limit: int) -> bytes:
    """The whole body. Its declared length is checked first, the real one as it grows."""
    too_large = BodyTooLargeError(
        f"at most {settings.max_upload_bytes} bytes are accepted; send a shorter or compressed file"
    )
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    chunks: list[bytes] = []
    received = 0
    try:
        async with asyncio.timeout(settings.body_timeout_s):
            async for chunk in request.stream():
                received += len(chunk)
                if received > limit:
                    raise too_large
                take(len(chunk))
                chunks.append(chunk)
    except TimeoutError as error:
        raise SlowBodyError(
            f"the body must arrive within {settings.body_timeout_s:g} s, {received} bytes came in that time"
        ) from error
    return b"".join(chunks)
