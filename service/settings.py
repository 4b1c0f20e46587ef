"""Every knob of the service, read from `AUDIOCNN_*` environment variables by whoever builds the application."""

import dataclasses
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from audiocnn.cluster import check_ray
from audiocnn.errors import ConfigError
from audiocnn.limits import DecodeLimits

_MIB = 2**20


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _state_dir() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(state) / "audiocnn" / "jobs"


class Settings(BaseSettings):
    """Configuration of one service process."""

    model_config = SettingsConfigDict(env_prefix="AUDIOCNN_")

    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 for any free one.")
    model: str = Field(default="genre", description="Name of a bundled model, or the directory of another.")

    models: str = Field(default="", description="Further models, by name or directory, with commas.")

    max_upload_bytes: PositiveInt = Field(default=25 * _MIB, description="Largest file, or all files of one form.")
    max_files: PositiveInt = Field(default=16, description="Most files in one form.")
    max_duration_s: PositiveFloat = Field(default=600, description="Longest sound or video in seconds.")
    max_decoded_bytes: PositiveInt = Field(default=256 * _MIB, description="Largest decoded size, as float32.")
    max_video_pixels: PositiveInt = Field(
        default=20_000_000_000, description="Most pixels of a video, all frames together."
    )
    max_buffered_bytes: PositiveInt = Field(default=256 * _MIB, description="All uploads held in memory at one time.")

    max_infer_bytes: PositiveInt = Field(default=16 * _MIB, description="Largest body of /v2/models/NAME/infer.")

    processes: PositiveInt = Field(
        default=1, description="Processes that serve; each has workers, a queue and a model of its own."
    )
    workers: PositiveInt = Field(
        default_factory=_usable_cpus, description="Files classified at the same time, in each process."
    )
    decoders: int = Field(
        default=0,
        ge=0,
        description="Processes that decode all but plain WAV, of each process; 0 for one for each worker.",
    )
    engine: Literal["local", "ray"] = Field(
        default="local", description="What classifies: threads of each process, or replicas of Ray Serve."
    )
    ray_replicas: PositiveInt = Field(default=2, description="Replicas of Ray Serve, each with workers of its own.")
    ray_address: str = Field(
        default="", description="HOST:PORT of a Ray cluster of which this machine is a node; none: one on this machine."
    )
    max_queue: int = Field(default=32, ge=0, description="Files that may wait for a worker; more are answered 503.")
    max_connections: PositiveInt = Field(default=400, description="Connections of each process; more are answered 503.")
    max_header_bytes: PositiveInt = Field(default=32_768, description="Largest request line and headers; then 431.")
    header_timeout_s: PositiveFloat = Field(
        default=10, description="Time in seconds to receive the headers of a request; then 408."
    )
    body_timeout_s: PositiveFloat = Field(default=60, description="Time in seconds to receive an upload; then 408.")
    classify_timeout_s: PositiveFloat = Field(
        default=120, description="Time in seconds from the first byte of a request to its answer; then 504."
    )
    keep_alive_s: PositiveInt = Field(default=5, description="Seconds until an idle connection is closed.")
    drain_s: float = Field(
        default=5, ge=0, description="Seconds between SIGTERM, when /readyz turns 503, and the end of new connections."
    )

    jobs_dir: Path = Field(
        default_factory=_state_dir,
        description="Folder that keeps jobs, made when the first one comes.",
    )
    job_workers: PositiveInt = Field(default=1, description="Jobs classified at the same time, in each process.")
    max_job_bytes: PositiveInt = Field(default=1024 * _MIB, description="Largest file of a job.")
    max_job_duration_s: PositiveFloat = Field(default=43_200, description="Longest sound or video of a job.")
    max_job_decoded_bytes: PositiveInt = Field(default=65_536 * _MIB, description="Largest decoded size of a job.")
    job_body_timeout_s: PositiveFloat = Field(default=600, description="Time in seconds to receive a job; then 408.")
    max_jobs: PositiveInt = Field(default=100, description="Jobs that wait or are at work; more are answered 503.")
    max_jobs_bytes: PositiveInt = Field(default=10_240 * _MIB, description="Files of all jobs together; then 503.")
    job_ttl_s: PositiveFloat = Field(default=86_400, description="Seconds until a finished job is forgotten.")
    job_lease_s: PositiveFloat = Field(
        default=30, description="Seconds without a sign of life after which another process takes a job up."
    )

    max_streams: PositiveInt = Field(default=16, description="Live streams of each process; more are told 503.")
    max_stream_s: PositiveFloat = Field(
        default=3600, description="Longest live stream in seconds, of sound or of the clock."
    )
    stream_idle_s: PositiveFloat = Field(default=30, description="Seconds without sound after which a stream ends.")

    api_keys: str = Field(
        default="",
        description="SHA-256 digests of the API keys that may ask, in hexadecimal, with commas; none: all may.",
    )
    api_keys_file: Path | None = Field(
        default=None, description="File with such digests, one at the start of each line; `#` begins a comment."
    )
    rate_limit_per_minute: int = Field(
        default=0, ge=0, description="Requests that each API key may send in a minute; then 429. 0 for any number."
    )
    rate_limit_burst: PositiveInt = Field(default=10, description="Requests that each API key may send at once.")
    cors_origins: str = Field(
        default="", description="Origins whose pages may ask, with commas, such as https://example.org; * for all."
    )
    metrics_open: bool = Field(default=True, description="Whether /metrics is served without an API key.")
    admin_token: SecretStr | None = Field(
        default=None, description="Token that reloads models, sent as X-Admin-Token; none: nobody may."
    )
    log_format: Literal["text", "json"] = Field(default="text", description="Lines for people, or JSON.")

    @property
    def grace_s(self) -> int:
        """How long the slowest request that is allowed may still take once no more are accepted."""
        return int(self.header_timeout_s + max(self.body_timeout_s, self.classify_timeout_s)) + 1

    @property
    def model_sources(self) -> list[str]:
        """All models to serve, the default one first."""
        return [self.model, *(name.strip() for name in self.models.split(",") if name.strip())]

    @property
    def decode_limits(self) -> DecodeLimits:
        return DecodeLimits(
            max_bytes=self.max_upload_bytes,
            max_duration_s=self.max_duration_s,
            max_decoded_bytes=self.max_decoded_bytes,
            max_video_pixels=self.max_video_pixels,
        )

    @property
    def job_limits(self) -> DecodeLimits:
        return dataclasses.replace(
            self.decode_limits,
            max_bytes=self.max_job_bytes,
            max_duration_s=self.max_job_duration_s,
            max_decoded_bytes=self.max_job_decoded_bytes,
        )

    def check_engine(self) -> None:
        """Raises `MissingExtraError` if Ray is asked for and not installed, `ConfigError` for a cluster per process."""
        if self.engine == "ray":
            check_ray()
            if self.processes > 1 and not self.ray_address:
                raise ConfigError(
                    f"AUDIOCNN_PROCESSES={self.processes} would start as many Ray clusters; start one with "
                    "`ray start --head` and name it in AUDIOCNN_RAY_ADDRESS, or leave AUDIOCNN_PROCESSES at 1"
                )
