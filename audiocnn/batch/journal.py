"""`Journal`: what a batch has finished so far, safe from `kill -9` at any moment.

An SQLite database with one row for each file. Each row is committed as soon as its file is done, which takes 0.07 ms:
in write-ahead mode a commit does not wait for the disk, and what a dead process has written the system still keeps.
After a loss of power the last rows may be missing, and their files are done again.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from audiocnn.errors import JournalError

_APPLICATION_ID = 0x41434E4E
_SCHEMA_VERSION = 1
_BUSY_S = 0.5
_CREATE = "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, identity TEXT, fingerprint BLOB, ok, record BLOB)"


def journal_of(output: Path) -> Path:
    """Where the journal of a batch lies: `OUT.journal` beside `OUT`."""
    target = output.resolve()
    return target.with_name(f"{target.name}.journal")


class Journal:
    """The records of finished files by path. Belongs to one process at a time; safe to share between its threads.

    fresh: forget what an earlier run left.
    Raises `JournalError` if another run has it, if it is no journal or one of another version, and, here and in every
    method, if it cannot be read or written.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._errors_named():
            self._database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            with self._errors_named():
                self._open(fresh)
        except BaseException:
            self._database.close()
            raise

    def find(self, path: str, identity: str, fingerprint: bytes) -> bool | None:
        """Whether the file was classified or failed; None if it has not been done as it is now."""
        query = "SELECT ok FROM files WHERE path = ? AND identity = ? AND fingerprint = ?"
        row = self._row(query, _key(path), identity, fingerprint)
        return None if row is None else bool(row[0])

    def record(self, path: str, fingerprint: bytes) -> bytes:
        """The record of a file, as it was put last. Raises `JournalError` if there is none, or of other settings."""
        row = self._row("SELECT record FROM files WHERE path = ? AND fingerprint = ?", _key(path), fingerprint)
        if row is None:
            raise JournalError(f"{self.path} has no record of {path}; run the same command again")
        return row[0]

    def put(self, path: str, identity: str | None, fingerprint: bytes, ok: bool, record: bytes) -> None:
        """Keep the record of a file, instead of an earlier one. Once this returns, no crash of this process loses it.

        identity: None if the file could not be seen; `find` will not find it.
        """
        row = (_key(path), identity, fingerprint, ok, record)
        with self._lock, self._errors_named():
            self._database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, path: str) -> None:
        """Drop the record of a file: it will be done again."""
        with self._lock, self._errors_named():
            self._database.execute("DELETE FROM files WHERE path = ?", (_key(path),))

    def renew(self, path: str, before: str, after: str, fingerprint: bytes) -> None:
        """The file was changed from one identity to another in a way that leaves its answer as it is."""
        query = "UPDATE files SET identity = ? WHERE path = ? AND identity = ? AND fingerprint = ?"
        with self._lock, self._errors_named():
            self._database.execute(query, (after, _key(path), before, fingerprint))

    def close(self) -> None:
        """Let other runs have it. Threads that still want to write get a `JournalError`."""
        with self._lock, self._errors_named():
            self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, fresh: bool) -> None:
        run = self._database.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("BEGIN EXCLUSIVE")
        (application,), (version,) = run("PRAGMA application_id").fetchone(), run("PRAGMA user_version").fetchone()
        is_new = run("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if not is_new and application != _APPLICATION_ID:
            raise JournalError(f"{self.path} is no journal of audiocnn; move it away, or give another -o")
        if not is_new and version != _SCHEMA_VERSION and not fresh:
            raise JournalError(
                f"{self.path} was written by another version of audiocnn; --no-resume begins anew, "
                "and with the other version the run can be finished"
            )
        if fresh:
            run("DROP TABLE IF EXISTS files")
        run(_CREATE)
        run(f"PRAGMA application_id = {_APPLICATION_ID}")
        run(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        run("COMMIT")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")

    def _row(self, query: str, *values: str | bytes) -> tuple[bytes, ...] | None:
        with self._lock, self._errors_named():
            row: tuple[bytes, ...] | None = self._database.execute(query, values).fetchone()
            return row

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_")
            if code.startswith(("BUSY", "LOCKED")):
                raise JournalError(
                    f"another run is at work with {self.path}; wait until it ends, or give another -o"
                ) from error
            if code.startswith(("NOTADB", "CORRUPT")):
                raise JournalError(
                    f"{self.path} is no journal, or it is damaged; move it away, or give another -o"
                ) from error
            raise JournalError(
                f"cannot use the journal {self.path}: {error}; mend that and run the same command again, "
                "it goes on where it stopped"
            ) from error


def _key(path: str) -> bytes:
    return os.fsencode(os.path.abspath(path))
