"""`Inventory`: the files of one run in their order, each once, however many there are."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from audiocnn.batch.result import FileError, FileResult
from audiocnn.errors import JournalError

_PAGE = 1000
_CACHE_KIB = 4096


class Inventory:
    """Paths, and the failures of finding some, in a temporary file: a million of them must not fill the memory.

    Used by one thread at a time. Raises `JournalError` if there is no room for them.
    """

    def __init__(self, found: Iterable[str | FileResult]) -> None:
        """found: what `discover` gives. Of a file that comes twice, the first stays."""
        self._database = sqlite3.connect(
            "", isolation_level=None, check_same_thread=False
        )  # deleted with the connection
        run = self._database.execute
        run("PRAGMA journal_mode = OFF")
        run(f"PRAGMA cache_size = -{_CACHE_KIB}")
        run("CREATE TABLE files (position INTEGER PRIMARY KEY, path BLOB, code TEXT, detail TEXT, digest BLOB UNIQUE)")
        try:
            run("BEGIN")
            rows = map(_row, found)
            self._database.executemany("INSERT OR IGNORE INTO files VALUES (NULL, ?, ?, ?, ?)", rows)
            run("COMMIT")
            self._count: int = run("SELECT count(*) FROM files").fetchone()[0]
        except sqlite3.Error as error:
            raise JournalError(
                f"cannot keep the list of files: {error}; make room in the folder for temporary files, "
                "or name another in SQLITE_TMPDIR"
            ) from error

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


def _row(entry: str | FileResult) -> tuple[bytes, str | None, str | None, bytes]:
    path = entry if isinstance(entry, str) else entry.path
    digest = blake2b(os.fsencode(os.path.abspath(path)), digest_size=16).digest()
    if isinstance(entry, FileResult) and isinstance(entry.outcome, FileError):
        return os.fsencode(path), entry.outcome.code, entry.outcome.detail, digest
    return os.fsencode(path), None, None, digest
