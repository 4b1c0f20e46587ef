"""Which bytes are in a file, as a hash: files that did not change are not read again."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

from training.data.journal import Entry, Journal
from training.progress import track

JOURNAL = "contents.jsonl"


def content_hashes(directory: Path, paths: Sequence[Path]) -> tuple[dict[Path, str], dict[Path, str]]:
    """The SHA-256 of the bytes of each file, and the reason why there is none of those that cannot be read.

    directory: where hashes are kept, with size and times of the file; whoever writes a file changes its times.
    Raises `OSError` if they cannot be kept.
    """
    journal = Journal(directory / JOURNAL)
    states: dict[Path, Entry] = {}
    unreadable: dict[Path, str] = {}
    for path in paths:
        try:
            states[path] = _state(path)
        except OSError as error:
            unreadable[path] = error.strerror or str(error)
    hashes = _known(journal, states)
    if len(hashes) < len(states):
        directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            append = stack.enter_context(journal.writing())
            pool = stack.enter_context(ThreadPoolExecutor(os.cpu_count()))
            hashes = _known(journal, states)
            new = [path for path in states if path not in hashes]
            pairs = zip(new, pool.map(_hash, new), strict=True)
            for path, found in stack.enter_context(closing(track(pairs, "reading", total=len(new)))):
                if isinstance(found, OSError):
                    unreadable[path] = found.strerror or str(found)
                else:
                    hashes[path] = found
                    append(states[path] | {"sha256": found})
    return hashes, unreadable


def _known(journal: Journal, states: dict[Path, Entry]) -> dict[Path, str]:
    """The hashes of those files that are as they were when they were hashed."""
    kept = {entry["path"]: entry for entry in journal.entries() if "path" in entry and "sha256" in entry}
    return {
        path: entry["sha256"]
        for path, state in states.items()
        if (entry := kept.get(state["path"])) and state.items() <= entry.items()
    }


def _state(path: Path) -> Entry:
    status = path.stat()
    return {
        "path": os.path.abspath(path),
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
    }


def _hash(path: Path) -> str | OSError:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return error
