"""The upload of a job: written to disk as it comes, in constant memory."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from fastapi import Request

from audiocnn.spec import Media
from service.jobs.store import storage_error
from service.receive.body import ENVELOPE, UploadMemory, form_type, no_body, pieces
from service.receive.multipart import FormReader
from service.settings import Settings

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_BUFFER = 262_144  # bytes between two writes


async def spool(
    request: Request,
    path: Path,
    media: Media,
    settings: Settings,
    memory: UploadMemory,
    check_bytes: Callable[[int], None],
) -> tuple[int, str]:
    """Write the file of `request`, its body or the one file of its form, to `path`. Its size and its SHA-256.

    check_bytes: called before each write with the bytes it adds; what it raises ends the upload.
    Nothing is left behind if that fails. Raises the `RequestError` that fits, and `EmptyAudioError` or
    `EmptyVisualError` for no bytes.
    """
    form = form_type(request, media)
    buffer = bytearray()
    digest = hashlib.sha256()
    num_bytes = 0
    partial = path.with_suffix(".part")
    reader = None if form is None else FormReader(form, 1, lambda _, piece: buffer.extend(piece))
    try:
        with memory.share() as take, os.fdopen(os.open(partial, _NEW, 0o600), "wb") as file:
            take(_BUFFER)

            def flush(*, last: bool) -> None:
                check_bytes(len(buffer))
                digest.update(buffer)
                file.write(buffer)
                file.flush()  # others count what is on the disk
                buffer.clear()
                if last:
                    os.fsync(file.fileno())

            limit, seconds = settings.max_job_bytes, settings.job_body_timeout_s
            async for piece in pieces(request, limit, seconds, ENVELOPE if form else 0):
                before = len(buffer)
                if reader is None:
                    buffer.extend(piece)
                else:
                    reader.feed(piece)
                num_bytes += len(buffer) - before
                if len(buffer) >= _BUFFER:
                    await asyncio.to_thread(flush, last=False)
            if reader is not None:
                reader.close()
            await asyncio.to_thread(flush, last=True)
        if not num_bytes:
            raise no_body(media)
        os.replace(partial, path)
    except OSError as error:
        raise storage_error(error) from error
    finally:
        partial.unlink(missing_ok=True)
    return num_bytes, digest.hexdigest()
