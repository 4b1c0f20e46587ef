"""The upload, received within limits on its size, its time and the memory that all uploads share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from fastapi import Request

from audiocnn.errors import EmptyAudioError, EmptyVisualError, MediaError
from audiocnn.spec import Media
from service.errors import BodyTooLargeError, OverloadedError, SlowBodyError, UnsupportedMediaTypeError
from service.receive.multipart import Upload, files_of
from service.settings import Settings

_EXAMPLES = {"audio": "audio/wav", "image": "image/png", "video": "video/mp4"}  # volumes have no type of their own
ENVELOPE = 65_536
"""Bytes a multipart body may have beside its files."""


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
async def uploaded_files(
    request: Request, memory: UploadMemory, settings: Settings, media: Media, most: int | None = None
) -> AsyncIterator[list[Upload]]:
    """The files to classify: the body of `request`, or those in its form. Counted in `memory` until the block ends.

    media: what the model takes. most: files, fewer than the settings allow. Raises the `RequestError` that fits, and
    `EmptyAudioError` or `EmptyVisualError` for a body of no bytes.
    """
    form = form_type(request, media)
    with memory.share() as take:
        body = _counted(request, take, settings.max_upload_bytes, settings, ENVELOPE if form else 0)
        if form:
            uploads = await files_of(body, form, most or settings.max_files)
        else:
            data = await _joined(body)
            uploads = [Upload(data)] if data else []
        if not uploads:
            raise no_body(media)
        yield uploads


async def whole_body(request: Request, take: Callable[[int], None], limit: int, settings: Settings) -> bytes:
    """The body in memory, each piece counted by `take`. Raises what `pieces` raises."""
    return await _joined(_counted(request, take, limit, settings))


async def _counted(
    request: Request, take: Callable[[int], None], limit: int, settings: Settings, envelope: int = 0
) -> AsyncIterator[bytes]:
    async for piece in pieces(request, limit, settings.body_timeout_s, envelope):
        take(len(piece))
        yield piece


async def _joined(body: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in body])


async def pieces(request: Request, limit: int, timeout_s: float, envelope: int = 0) -> AsyncIterator[bytes]:
    """The body of `request` as it comes. Its declared length is checked first, the real one as it grows.

    limit: in bytes, and so many more as the `envelope` of the content may have. timeout_s: for all of the body.
    Raises `BodyTooLargeError` and `SlowBodyError`.
    """
    too_large = BodyTooLargeError(f"at most {limit} bytes are accepted; send a shorter or compressed file")
    limit += envelope
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    received = 0
    deadline = asyncio.get_running_loop().time() + timeout_s
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise SlowBodyError(
                f"the body must arrive within {timeout_s:g} s, {received} bytes came in that time"
            ) from error
        if piece is None:
            return
        received += len(piece)
        if received > limit:
            raise too_large
        yield piece


def form_type(request: Request, media: Media) -> str | None:
    """The Content-Type if the body is a form, None if it is the file itself.

    Raises `UnsupportedMediaTypeError` if it is neither, for a model that takes `media`.
    """
    content_type = request.headers.get("content-type", "application/octet-stream")
    media_type = content_type.split(";")[0].strip().lower()
    is_form = media_type == "multipart/form-data"
    if not (is_form or media_type == "application/octet-stream" or media_type.startswith(f"{media}/")):
        typed = f"{_EXAMPLES[media]} (any {media}/*) or " if media in _EXAMPLES else ""
        raise UnsupportedMediaTypeError(
            f"the model takes {media}: send it as multipart/form-data in the field 'file', or as the whole body with "
            f"Content-Type {typed}application/octet-stream"
        )
    refuse_compressed(request)
    return content_type if is_form else None


def only_json(request: Request) -> None:
    """Raises `UnsupportedMediaTypeError` for a body that says it is no JSON."""
    content_type = request.headers.get("content-type", "application/json")
    if content_type.split(";")[0].strip().lower() not in ("application/json", "application/octet-stream"):
        raise UnsupportedMediaTypeError("the body must be JSON; send it as such, or without Content-Type")
    refuse_compressed(request)


def refuse_compressed(request: Request) -> None:
    """Raises `UnsupportedMediaTypeError` for a Content-Encoding: what it would unfold to, no limit knows."""
    codings = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    if {coding.strip() for coding in codings} - {"", "identity"}:
        raise UnsupportedMediaTypeError("the body must not be compressed; send it without Content-Encoding")


def no_body(media: Media) -> MediaError:
    """The error for a request without a file."""
    error = EmptyAudioError if media == "audio" else EmptyVisualError
    return error(f"the request has no body; send the {media} in it")
