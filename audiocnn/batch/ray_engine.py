"""The batch on a Ray cluster: files in shards of a few, through Ray Data, on as many machines as there are.

Ray Data alone loses a whole shard to one exception and tries a file that kills its process for ever. So errors are rows
here, as everywhere, and a notebook outside of the workers knows which file each of them had in hand when it died.
"""

import logging
import math
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiocnn import pretrained
from audiocnn.batch.engine import checked_workers
from audiocnn.batch.identity import identity
from audiocnn.batch.observed import Observed, observe
from audiocnn.batch.one_file import FileClassifier, loaded
from audiocnn.batch.result import FileError, FileResult
from audiocnn.cluster import ray_cluster
from audiocnn.errors import CheckpointError, ClusterError
from audiocnn.inference.backend import Device
from audiocnn.inference.classifier import batched
from audiocnn.limits import DecodeLimits

SHARD = 16
"""Files of one task: enough that Ray's few milliseconds for it do not count, few enough that little is done twice."""
WAVE = 50_000
"""Files of one Ray dataset, whose paths are held in memory; its workers start anew for the next."""
_TRIES = 2
_DEADLY = FileError("worker_died", f"{_TRIES} processes ended while they were at work on the file; it is left out")
_CPUS = 0.5  # of a worker, for Ray's books: workers that hold all CPUs starve the tasks before them, for ever
_STORE_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Job:
    """What each worker is to do. fingerprint: of the model and the settings as the one who asks has them."""

    model: str
    fingerprint: bytes
    limits: DecodeLimits | None = None
    window_s: float | None = None
    hop_s: float | None = None
    device: Device = "cpu"


class Notebook:
    """Which worker has which file in hand; an actor on the machine of the one who asks, so that no other takes it along
    when it dies."""

    def __init__(self) -> None:
        self._holder: dict[bytes, str] = {}
        self._held: dict[str, bytes] = {}
        self._deaths: dict[bytes, int] = {}

    def take(self, worker: str, path: bytes) -> int:
        """The worker is about to begin with the file. How many workers have died of it: each file is given to one
        worker at a time, so whoever had it before is dead."""
        before = self._holder.get(path)
        if before is not None and before != worker:
            self._deaths[path] = self._deaths.get(path, 0) + 1
            self._held.pop(before, None)
        self.rest(worker)
        self._held[worker], self._holder[path] = path, worker
        return self._deaths.get(path, 0)

    def rest(self, worker: str) -> None:
        """The worker has nothing in hand."""
        if (path := self._held.pop(worker, None)) is not None:
            del self._holder[path]


class ShardWorker:
    """Classifies shards, one file after another; an actor of Ray Data."""

    def __init__(self, job: Job, notebook: Any) -> None:
        import ray

        self._get = ray.get
        self._notebook = notebook
        self._name = ray.get_runtime_context().get_worker_id()
        self._loaded = loaded(job.model, 1, job.limits, window_s=job.window_s, hop_s=job.hop_s, device=job.device)
        self._classify = self._loaded.__enter__()
        self._records = self._classify.records
        if self._classify.fingerprint != job.fingerprint:
            raise CheckpointError(
                f"machine {os.uname().nodename} has another model at {job.model}, or another version of audiocnn; "
                "install the same on all machines"
            )

    def __call__(self, shard: dict[str, Any]) -> dict[str, list[Any]]:
        """shard: numbers of files, and their paths as bytes. A row for each, with what the journal keeps of it."""
        seen = [self._one(bytes(path)) for path in shard["path"]]
        self._get(self._notebook.rest.remote(self._name))
        return {
            "number": list(shard["number"]),
            "identity": [one.identity for one in seen],
            "record": [one.record for one in seen],
            "ok": [one.error is None for one in seen],
            "duration_s": [one.duration_s for one in seen],
        }

    def _one(self, raw: bytes) -> Observed:
        path = os.fsdecode(raw)
        if self._get(self._notebook.take.remote(self._name, raw)) >= _TRIES:
            return Observed.of(FileResult(path, _DEADLY), identity(path), self._records)
        return observe(path, self._classify, self._records)


class RayEngine:
    """Classifies files on the cluster that this process is connected to, in `workers` processes of one file each.

    classify: has the model and the settings; model, and the rest: what it was loaded with. Machines find the model at
    the same place and the files at the same paths.
    """

    wave = WAVE

    def __init__(self, classify: FileClassifier, job: Job, workers: int | None = None) -> None:
        import ray

        self._records = classify.records
        self._job = job
        self._workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))

    def observed(self, paths: Sequence[str], *, ordered: bool = False) -> Generator[Observed, None, None]:
        """What became of each of the files, as they are done or in their order.

        Raises `ClusterError` if no worker can work, or the cluster is gone.
        """
        import ray.data
        from ray.exceptions import RayError
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # the batch has its own words for all that
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = ordered
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        notebook = ray.remote(Notebook).options(num_cpus=0, scheduling_strategy=here).remote()
        try:
            files = ray.data.from_items(
                # Workers are in folders of their own.
                [{"number": n, "path": os.fsencode(os.path.abspath(path))} for n, path in enumerate(paths)],
                override_num_blocks=math.ceil(len(paths) / SHARD),
            )
            rows = files.map_batches(
                ShardWorker,
                batch_size=None,
                fn_constructor_args=(self._job, notebook),
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=self._workers, initial_size=self._workers),
                num_cpus=_CPUS,
                num_gpus=int(self._job.device == "cuda"),
            )
            for shard in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                for row in shard.to_pylist():
                    yield self._observed(paths[row["number"]], row)
        except RayError as error:
            raise ClusterError(f"the cluster gave up: {_reason(error)}") from error
        finally:
            ray.kill(notebook)

    def _observed(self, path: str, row: dict[str, Any]) -> Observed:
        # Errors are in the record; unpacking an answer would take this process longer than all else it does.
        outcome = None if row["ok"] else self._records.unpack(path, row["record"]).outcome
        error = outcome if isinstance(outcome, FileError) else None
        return Observed(path, row["identity"], row["record"], error, row["duration_s"])

    def stream(self, found: Iterable[str | FileResult]) -> Generator[FileResult, None, None]:
        """The results of the files in their order, and what was found in the place of some."""
        for wave in batched(found, self.wave):
            with closing(self.observed([entry for entry in wave if isinstance(entry, str)], ordered=True)) as seen:
                for entry in wave:
                    yield entry if isinstance(entry, FileResult) else self._records.unpack(entry, next(seen).record)


@contextmanager
def on_ray(
    model: str | Path,
    address: str = "",
    workers: int | None = None,
    limits: DecodeLimits | None = None,
    *,
    window_s: float | None = None,
    hop_s: float | None = None,
    device: Device = "cpu",
) -> Iterator[tuple[FileClassifier, RayEngine]]:
    """The classifier of this process, for its model and settings, and the engine that works with the same elsewhere.

    address, as for `ray_cluster`: of an existing cluster, by default a new one on this machine. workers: by default one
    for each CPU of the cluster. Raises what `Classifier.load` and `ray_cluster` raise.
    """
    with (
        loaded(model, 1, limits, window_s=window_s, hop_s=hop_s) as classify,
        ray_cluster(address, cpus=checked_workers(workers), store_bytes=_STORE_BYTES),
    ):
        job = Job(pretrained.portable(model), classify.fingerprint, limits, window_s, hop_s, device)
        yield classify, RayEngine(classify, job, workers)


def _reason(error: Exception) -> str:
    """The error at the bottom of what Ray says: it wraps those of workers in tracebacks of its own layers."""
    found = re.findall(r"^(?:\w+\.)*(\w+(?:Error|Exception): .+)$", str(error), re.MULTILINE)
    return found[-1] if found else type(error).__name__
