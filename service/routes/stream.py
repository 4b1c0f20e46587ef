"""`WS /v1/stream`: live sound in, rolling answers out, in constant memory."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from audiocnn import AudioSpec
from audiocnn.prediction import LiveAnswer
from audiocnn.spec import recut
from service.errors import (
    INTERNAL,
    InvalidParameterError,
    NotReadyError,
    SlowStreamError,
    StreamTooLongError,
    Told,
    UnsupportedMediaTypeError,
    faults_of,
    not_found,
    told,
)
from service.receive.pcm import ClientLeftError, PcmReader
from service.receive.query import each_once
from service.schemas import StreamParameters
from service.state import ServiceState, SharedState

logger = logging.getLogger("audiocnn.service")
router = APIRouter()

_END = {"type": "end"}
_CLOSE_CODES = {400: 1007, 408: 1008, 413: 1009, 415: 1003, 422: 1007, 500: 1011, 503: 1013}
_POLICY_VIOLATION = 1008


@router.websocket("/v1/stream")
async def stream(socket: WebSocket, service: SharedState) -> None:
    """Binary messages of mono samples in, JSON messages out; `{"type": "end"}` asks for the rest."""
    await socket.accept()
    request_id: str = socket.state.request_id
    try:
        await _Stream(socket, service, request_id).run()
        await socket.close(1000)
    except (WebSocketDisconnect, ClientLeftError):
        return
    except Exception as error:
        problem = told(error)
        if problem is INTERNAL:
            logger.exception("stream %s failed", request_id)
        service.metrics.rejected(problem.code)
        await _refuse(socket, problem, request_id)


@router.websocket("/{path:path}")
async def elsewhere(socket: WebSocket) -> None:
    """Nothing else speaks WebSocket."""
    await socket.send_denial_response(not_found(socket))


async def _refuse(socket: WebSocket, problem: Told, request_id: str) -> None:
    body = {"type": "problem", "problem": problem.body("/v1/stream", request_id)}
    try:
        await socket.send_json(body)
        await socket.close(_CLOSE_CODES.get(problem.status, _POLICY_VIOLATION), problem.code)
    except (WebSocketDisconnect, RuntimeError):
        return  # it has gone


class _Stream:
    """One connection."""

    def __init__(self, socket: WebSocket, service: ServiceState, request_id: str) -> None:
        self._socket = socket
        self._service = service
        self._request_id = request_id
        self._windows = 0

    async def run(self) -> None:
        """Serve it to its end. Raises what is wrong, `WebSocketDisconnect` if the client leaves."""
        service, settings = self._service, self._service.settings
        await each_once(self._socket)
        asked = _parameters(self._socket)
        if service.draining:
            raise NotReadyError("the service is about to stop; use another instance")
        spec, info = service.engine.find(asked.model)
        reader = PcmReader(asked.sample_rate, asked.format)
        with service.streams.one():
            answers = service.engine.live(asked.model, reader, settings.decode_limits, hop_s=asked.hop_s)
            heard = recut(spec.input, hop_s=asked.hop_s)
            if isinstance(heard, AudioSpec):  # others are refused by the first answer
                await self._send(
                    {
                        "type": "ready",
                        "model": {"name": info.name, "version": info.version, "sha256": info.sha256},
                        "window_s": heard.window / heard.sample_rate,
                        "hop_s": heard.hop / heard.sample_rate,
                    }
                )
            loop = asyncio.get_running_loop()
            work = loop.run_in_executor(service.streams.threads, self._listen, loop, answers, asked)
            service.metrics.stream_began()
            try:
                await self._feed(reader, work)
                await work
            finally:
                reader.abandon()
                await asyncio.wait({work})
                work.exception()  # looked at, or asyncio would complain that nobody did
                service.metrics.stream_ended(reader.num_samples / reader.sample_rate)
        await self._socket.send_json(
            {"type": "end", "duration_s": reader.num_samples / reader.sample_rate, "windows": self._windows}
        )

    async def _feed(self, reader: PcmReader, work: "asyncio.Future[None]") -> None:
        """Take messages until the client has sent all, or the work has ended with an error."""
        settings = self._service.settings
        left = int(settings.max_stream_s * reader.bytes_per_second)
        now_s = asyncio.get_running_loop().time
        end_s = now_s() + settings.max_stream_s + settings.stream_idle_s  # however slowly the sound comes
        idle_s = now_s() + settings.stream_idle_s
        while not work.done():
            message = await self._receive(work, idle_s - now_s())
            if message is None:
                return
            data = message.get("bytes")
            if data is None:
                if not _is_end(message.get("text")):
                    raise UnsupportedMediaTypeError(
                        'send samples as binary messages, and {"type": "end"} as the only text'
                    )
                reader.end()
                return
            left -= len(data)
            if left < 0 or now_s() >= end_s:
                raise StreamTooLongError(f"at most {settings.max_stream_s:g} s are taken in one stream; open another")
            try:
                async with asyncio.timeout(settings.stream_idle_s):
                    await reader.feed(data)
            except TimeoutError as error:
                raise SlowStreamError(
                    "the answers are not read, or the service is too busy; try again later"
                ) from error
            if data:
                idle_s = now_s() + settings.stream_idle_s

    async def _receive(self, work: "asyncio.Future[None]", seconds: float) -> dict[str, Any] | None:
        """The next message, None if the work ends first.

        Raises `SlowStreamError` if there is none in so many seconds, and `WebSocketDisconnect`.
        """
        receiving = asyncio.ensure_future(self._socket.receive())
        try:
            either: set[asyncio.Future[Any]] = {receiving, work}
            await asyncio.wait(either, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                message = dict(receiving.result())
                if message["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect(message.get("code", 1006))
                return message
            if work.done():
                return None
            idle_s = self._service.settings.stream_idle_s
            raise SlowStreamError(f"no sound came for {idle_s:g} s; send it as it comes, or end the stream")
        finally:
            receiving.cancel()

    def _listen(self, loop: asyncio.AbstractEventLoop, answers: Iterator[LiveAnswer], asked: StreamParameters) -> None:
        """In a thread: send each answer, and wait until it is sent."""
        for answer in answers:
            body = {"type": "prediction", **answer.to_json(top_k=asked.top_k, threshold=asked.threshold)}
            self._windows += 1
            self._service.metrics.stream_answered()
            sending = asyncio.run_coroutine_threadsafe(self._socket.send_json(body), loop)
            try:
                sending.result(self._service.settings.stream_idle_s)
            except TimeoutError as error:
                sending.cancel()
                raise SlowStreamError("the answers are not read; read them as they come") from error

    async def _send(self, body: dict[str, Any]) -> None:
        await self._socket.send_json({"type": body.pop("type"), "request_id": self._request_id, **body})


def _parameters(socket: WebSocket) -> StreamParameters:
    given = socket.query_params
    try:
        return StreamParameters.model_validate(dict(given))
    except ValidationError as error:
        raise InvalidParameterError(faults_of([dict(fault) for fault in error.errors()])) from error


def _is_end(text: str | None) -> bool:
    try:
        return bool(json.loads(text or "") == _END)
    except (ValueError, RecursionError):
        return False
