"""The metrics, by the conventions of Prometheus and OpenTelemetry. Labels are route templates and codes, never what a
client sent.

With several processes each writes its numbers to files in `PROMETHEUS_MULTIPROC_DIR`, which the supervisor sets, and
any of them answers for all.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, multiprocess
from prometheus_client.exposition import choose_encoder

from audiocnn import Result
from audiocnn.prediction import ModelInfo

CLIENT_LEFT = 499
"""The code counted for a request whose client did not wait for its answer; nginx coined it."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_WINDOWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """What one process counts. Create one for each application."""

    def __init__(self) -> None:
        self._shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        self._registry = CollectorRegistry()
        # With files, what is exposed is read from them and not from the objects of this process.
        registry = None if self._shared else self._registry
        if self._shared:
            multiprocess.MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ["route", "code"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._active = Gauge(
            "http_server_active_requests",
            "Requests that are being received or answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._requests = Counter(
            "audiocnn_requests",
            "Requests by the status of their answer; 499: the client left.",
            ["code"],
            registry=registry,
        )
        self._rejected = Counter(
            "audiocnn_rejected",
            "Requests refused by the service, by the code of the problem.",
            ["reason"],
            registry=registry,
        )
        self._queue_depth = Gauge(
            "audiocnn_queue_depth", "Files that wait for a worker.", multiprocess_mode="livesum", registry=registry
        )
        self._queue_wait = Histogram(
            "audiocnn_queue_wait_seconds", "Time that a file waited for a worker.", buckets=_SECONDS, registry=registry
        )
        self._batch_size = Histogram(
            "audiocnn_batch_size", "Windows of a file that the network saw.", buckets=_WINDOWS, registry=registry
        )
        self._decode = Histogram(
            "audiocnn_decode_seconds",
            "Decoding, resampling and cutting a file.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._inference = Histogram(
            "audiocnn_inference_seconds", "The network's time for a file.", buckets=_SECONDS, registry=registry
        )
        self._streams = Gauge(
            "audiocnn_active_streams", "Live streams that are open.", multiprocess_mode="livesum", registry=registry
        )
        self._stream_windows = Counter(
            "audiocnn_stream_windows", "Windows answered in live streams.", registry=registry
        )
        self._audio_seconds = Counter("audiocnn_audio_seconds", "Length of the sound classified.", registry=registry)
        self._decode_failures = Counter(
            "audiocnn_decode_failures",
            "Files that could not be used, by the code of the problem.",
            ["code"],
            registry=registry,
        )
        self._restarts = Counter(
            "audiocnn_worker_restarts", "Processes started in place of one that ended.", registry=registry
        )
        self._model_info = Gauge(
            "audiocnn_model_info",
            "1 for each model that is served.",
            ["name", "version", "sha256"],
            multiprocess_mode="livemax",
            registry=registry,
        )

    def request_began(self) -> None:
        self._active.inc()

    def request_ended(self, route: str, status: int, seconds: float) -> None:
        """route: the template, such as `/v1/jobs/{id}`. status: of the answer, or `CLIENT_LEFT`."""
        self._active.dec()
        self._requests.labels(status).inc()
        self._duration.labels(route, status).observe(seconds)

    def refused_unread(self, status: int, reason: str) -> None:
        """A connection was answered so before its request reached the application."""
        self._requests.labels(status).inc()
        self._rejected.labels(reason).inc()

    def rejected(self, reason: str) -> None:
        self._rejected.labels(reason).inc()

    def queue_changed(self, depth: int) -> None:
        self._queue_depth.set(depth)

    def classified(self, result: Result) -> None:
        """A file was answered."""
        self._queue_wait.observe(result.timing.queue_ms / 1000)
        self._decode.observe(result.timing.decode_ms / 1000)
        self._inference.observe(result.timing.infer_ms / 1000)
        self._batch_size.observe(len(result.segments))
        self._audio_seconds.inc(getattr(result.media, "duration_s", 0.0))

    def stream_began(self) -> None:
        self._streams.inc()

    def stream_answered(self) -> None:
        """One window of a stream."""
        self._stream_windows.inc()

    def stream_ended(self, heard_s: float) -> None:
        """heard_s: the seconds of sound that came."""
        self._streams.dec()
        self._audio_seconds.inc(heard_s)

    def decode_failed(self, code: str) -> None:
        self._decode_failures.labels(code).inc()

    def serves(self, info: ModelInfo) -> None:
        self._model_info.labels(info.name, info.version, info.sha256).set(1)

    def decoder_lost(self) -> None:
        """A decoder process is gone; another takes its place."""
        self._restarts.inc()

    def replica_lost(self) -> None:
        """A replica of Ray Serve is gone; another takes its place."""
        self._restarts.inc()

    def worker_replaced(self, pid: int) -> None:
        """The process `pid` is gone, and what it was doing with it."""
        if self._shared:
            multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
        self._restarts.inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All numbers as text, and its content type. accept: the header of the request."""
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # it compares the version that the client asks for with (1, 0, 0), whatever it is
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type
