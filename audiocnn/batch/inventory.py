"""The files of one run, each once, however many there are: `once` as they come, `Inventory` all of them.

Both keep what they have seen in a temporary file: a million paths must not fill the memory. Both are used by one thread
at a time and raise `JournalError` if there is no room.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b

from audiocnn.batch.result import FileError, FileResult
from audiocnn.errors import JournalError

_PAGE = 1000
_CACHE_KIB = 4096


def once(found: Iterable[str | FileResult]) -> Iterator[str | FileResult]:
    """What `discover` gives, lazily; of a file that comes twice, however its path is written, the first."""
    database = _temporary_database("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")
    for entry in found:
        path = entry if isinstance(entry, str) else entry.path
        digest = blake2b(os.fsencode(os.path.abspath(path)), digest_size=16).digest()
        with _lack_of_room_named():
            is_new = database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount > 0
        if is_new:
            yield entry


class Inventory:
    """Paths, and the failures of finding some, in their order, to be gone through as often as needed."""

    def __init__(self, found: Iterable[str | FileResult]) -> None:
        """found: what `discover` gives."""
        self._database = _temporary_database(
            "CREATE TABLE files (position INTEGER PRIMARY KEY, path BLOB, code TEXT, detail TEXT)"
        )
        with _lack_of_room_named():
            rows = map(_row, once(found))
            self._database.executemany("INSERT INTO files VALUES (NULL, ?, ?, ?)", rows)
            self._count: int = self._database.execute("SELECT count(*) FROM files").fetchone()[0]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str | FileResult]:
        query = "SELECT position, path, code, detail FROM files WHERE position > ? ORDER BY position LIMIT ?"
        last = 0
        while rows := self._database.execute(query, (last, _PAGE)).fetchall():
            for _, raw, code, detail in rows:
                path = os.fsdecode(raw)
                yield path if code is None else FileResult(path, FileError(code, detail))
            last = rows[-1][0]


def _row(entry: str | FileResult) -> tuple[bytes, str | None, str | None]:
    if isinstance(entry, FileResult) and isinstance(entry.outcome, FileError):
        return os.fsencode(entry.path), entry.outcome.code, entry.outcome.detail
    return os.fsencode(entry if isinstance(entry, str) else entry.path), None, None


def _temporary_database(table: str) -> sqlite3.Connection:
    """A database with one table, in one transaction that never ends; it is deleted with the connection."""
    with _lack_of_room_named():
        database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in ("PRAGMA journal_mode = OFF", f"PRAGMA cache_size = -{_CACHE_KIB}", table, "BEGIN"):
            database.execute(statement)
        return database


@contextmanager
def _lack_of_room_named() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(
            f"cannot keep the list of files: {error}; make room in the folder for temporary files, "
            "or name another in SQLITE_TMPDIR"
        ) from error
