"""The jobs of all processes of a service, and of those after it: a SQLite file and a folder of uploads."""

import errno
import json
import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from service.errors import (
    INTERNAL,
    IdempotencyError,
    JobNotFoundError,
    JobsUnavailableError,
    OverloadedError,
    StorageFullError,
)
from service.jobs.record import Job, State

logger = logging.getLogger("audiocnn.service")

MAX_ATTEMPTS = 3
"""How often a job is begun whose processes die: a file that kills them is not to go on for ever."""
_BUSY_S = 5.0  # how long to wait for another process that writes
_ORPHAN_S = 3600.0  # age of an upload without a job from which on nobody can still be receiving it
_SCHEMA = """
BEGIN;
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, model TEXT NOT NULL, parameters TEXT NOT NULL, request_id TEXT NOT NULL,
    num_bytes INTEGER NOT NULL, fingerprint TEXT NOT NULL, created REAL NOT NULL, started REAL, finished REAL,
    expires REAL, attempts INTEGER NOT NULL DEFAULT 0, heard_s REAL NOT NULL DEFAULT 0, result TEXT, problem TEXT,
    key TEXT UNIQUE, worker TEXT, lease_until REAL
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created);
PRAGMA user_version = 1;
COMMIT;
"""
_COLUMNS = ", ".join(field.name for field in fields(Job))
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class JobStore:
    """Jobs in `directory`, made when the first one comes. Safe to share between threads and processes.

    ttl_s: how long a finished job is kept. lease_s: how long a job at work stays its process's own without a sign of
    life. max_waiting: jobs that wait or are at work. max_bytes: in all uploads together.
    Every method raises `JobsUnavailableError` if the directory cannot be used, `StorageFullError` if it is full.
    """

    def __init__(self, directory: Path, *, ttl_s: float, lease_s: float, max_waiting: int, max_bytes: int) -> None:
        self._directory = directory
        self._ttl_s = ttl_s
        self.lease_s = lease_s
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes

    def upload_path(self, job_id: str) -> Path:
        """Where the file of a job lies. What is written there must be complete before `add`."""
        return self._directory / "uploads" / job_id

    def check_room(self, num_bytes: int) -> None:
        """Before a file of so many bytes is received. Raises `OverloadedError`, and what `check_bytes` raises."""
        with self._database() as database:
            self._check_waiting(database)
            self.check_bytes(num_bytes)

    def check_bytes(self, num_bytes: int) -> None:
        """Raises `StorageFullError` if all uploads, those still coming too, and so many bytes are too many."""
        if self._held_bytes() + num_bytes > self._max_bytes:
            raise StorageFullError("the service holds as many bytes of jobs as it may; try again later")

    def add(self, job: Job, key: str | None) -> Job:
        """Keep a new job, or find the one that came with the same Idempotency-Key before.

        Raises `IdempotencyError` if that was another request, and `OverloadedError`.
        """
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM jobs WHERE key = ? AND expires <= ?", (key, time.time()))  # not swept yet
            earlier = key and database.execute(f"SELECT {_COLUMNS} FROM jobs WHERE key = ?", (key,)).fetchone()
            if earlier:
                found = _job(earlier)
                if found.fingerprint != job.fingerprint:
                    raise IdempotencyError("this Idempotency-Key came with another file or other parameters before")
                return found
            self._check_waiting(database)
            values = (job.id, job.model, json.dumps(job.parameters), job.request_id, job.num_bytes, job.fingerprint)
            database.execute(
                "INSERT INTO jobs (id, state, model, parameters, request_id, num_bytes, fingerprint, created, key) "
                "VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?)",
                (*values, job.created, key),
            )
            database.execute("COMMIT")
        return job

    def get(self, job_id: str) -> Job:
        """Raises `JobNotFoundError`."""
        with self._database() as database:
            row = database.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE id = ? AND (expires IS NULL OR expires > ?)", (job_id, time.time())
            ).fetchone()
        if row is None:
            raise JobNotFoundError("there is no job of this id; it may have expired")
        return _job(row)

    def claim(self, worker: str, models: Sequence[str]) -> Job | None:
        """The oldest job that nobody works on, for `worker`, which knows `models`; None if there is none.

        A job whose worker has given no sign of life for the time of its lease counts as nobody's. One that was begun
        `MAX_ATTEMPTS` times has failed.
        """
        if not self._file.exists():
            return None
        now = time.time()
        with self._database() as database:
            stale = database.execute(
                "SELECT id, request_id FROM jobs WHERE state = 'running' AND lease_until < ? AND attempts >= ?",
                (now, MAX_ATTEMPTS),
            ).fetchall()
            for job_id, request_id in stale:
                self._end(database, job_id, "failed", problem=INTERNAL.body(f"/v1/jobs/{job_id}", request_id))
            marks = ", ".join("?" * len(models))
            row = database.execute(
                "UPDATE jobs SET state = 'running', worker = ?, lease_until = ?, attempts = attempts + 1, "
                "started = coalesce(started, ?), heard_s = 0 WHERE id = (SELECT id FROM jobs WHERE "
                f"(state = 'queued' OR (state = 'running' AND lease_until < ?)) AND model IN ({marks}) "
                f"ORDER BY created LIMIT 1) RETURNING {_COLUMNS}",
                (worker, now + self.lease_s, now, now, *models),
            ).fetchone()
        return None if row is None else _job(row)

    def renew(self, job_id: str, worker: str, heard_s: float) -> bool:
        """A sign of life. False if the job is not the worker's any more: cancelled, or taken by another."""
        with self._database() as database:
            changed = database.execute(
                "UPDATE jobs SET lease_until = ?, heard_s = ? WHERE id = ? AND worker = ? AND state = 'running'",
                (time.time() + self.lease_s, heard_s, job_id, worker),
            ).rowcount
        return changed == 1

    def finish(
        self, job_id: str, worker: str, *, result: dict[str, Any] | None = None, problem: dict[str, Any] | None = None
    ) -> None:
        """Keep the outcome, unless the job is not the worker's any more."""
        with self._database() as database:
            state: State = "failed" if result is None else "done"
            self._end(database, job_id, state, worker=worker, result=result, problem=problem)

    def release(self, job_id: str, worker: str) -> None:
        """Give a job back as if it had not been begun: the process stops."""
        with self._database() as database:
            database.execute(
                "UPDATE jobs SET state = 'queued', worker = NULL, attempts = attempts - 1, heard_s = 0 "
                "WHERE id = ? AND worker = ? AND state = 'running'",
                (job_id, worker),
            )

    def remove(self, job_id: str) -> None:
        """Cancel a job that is not finished, forget one that is. Raises `JobNotFoundError`."""
        job = self.get(job_id)
        with self._database() as database:
            if job.state in ("queued", "running"):
                self._end(database, job_id, "cancelled")
            else:
                database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def sweep(self) -> None:
        """Delete what has expired, and uploads that belong to no job."""
        if not self._file.exists():
            return
        with self._database() as database:
            database.execute("DELETE FROM jobs WHERE expires < ?", (time.time(),))
            kept = {row[0] for row in database.execute("SELECT id FROM jobs WHERE state IN ('queued', 'running')")}
            for path in self.upload_path("").iterdir():
                if path.name not in kept and time.time() - path.stat().st_mtime > _ORPHAN_S:
                    path.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self._directory / "jobs.sqlite3"

    def _held_bytes(self) -> int:
        sizes = 0
        for path in self.upload_path("").iterdir():
            with suppress(FileNotFoundError):  # finished since it was listed
                sizes += path.stat().st_size
        return sizes

    def _check_waiting(self, database: sqlite3.Connection) -> None:
        (waiting,) = database.execute("SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')").fetchone()
        if waiting >= self._max_waiting:
            raise OverloadedError(f"{waiting} jobs are waiting already; try again later", 60)

    def _end(
        self,
        database: sqlite3.Connection,
        job_id: str,
        state: State,
        *,
        worker: str | None = None,
        result: dict[str, Any] | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        """A last state for a job that has none yet, and is the worker's if one is named; its upload goes."""
        now = time.time()
        outcome = [None if value is None else json.dumps(value, allow_nan=False) for value in (result, problem)]
        changed = database.execute(
            "UPDATE jobs SET state = ?, finished = ?, expires = ?, result = ?, problem = ? "
            "WHERE id = ? AND state IN ('queued', 'running') AND (? IS NULL OR worker = ?)",
            (state, now, now + self._ttl_s, *outcome, job_id, worker, worker),
        ).rowcount
        if changed:
            self.upload_path(job_id).unlink(missing_ok=True)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """A connection for one thing. One that is kept would go on writing into a file that somebody has deleted."""
        try:
            self.upload_path("").mkdir(0o700, parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file, timeout=_BUSY_S, isolation_level=None)) as database:
                if database.execute("PRAGMA user_version").fetchone() == (0,):
                    database.execute("PRAGMA journal_mode = WAL")
                    database.executescript(_SCHEMA)
                database.execute("PRAGMA synchronous = FULL")  # a job that was accepted survives a loss of power
                yield database
        except (OSError, sqlite3.Error) as error:
            raise storage_error(error) from error


def storage_error(error: OSError | sqlite3.Error) -> JobsUnavailableError | StorageFullError | OverloadedError:
    """What a failure of the disk means to clients; operators find it in the log."""
    logger.error("jobs cannot be kept: %s", error)
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return StorageFullError("the disk for jobs is full; try again later")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return OverloadedError("too many jobs come and go at the moment; try again shortly")
    elif error.errno in _FULL:
        return StorageFullError("the disk for jobs is full; try again later")
    return JobsUnavailableError(
        "the service cannot keep jobs: its folder for them is missing or cannot be written; its operator finds the "
        "reason in the log"
    )


def _job(row: Sequence[Any]) -> Job:
    values = dict(zip((field.name for field in fields(Job)), row, strict=True))
    for name in ("parameters", "result", "problem"):
        values[name] = None if values[name] is None else json.loads(values[name])
    return Job(**values)
