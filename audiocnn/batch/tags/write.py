"""The genre of one file: never over another unless told to, never half written, the sound untouched."""

import hashlib
import math
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from audiocnn.batch.result import TagOutcome
from audiocnn.batch.tags.containers import UNREADABLE, Tags, open_tags


class _NotWrittenError(Exception):
    """The text says why."""


def write_genres(path: str, genres: Sequence[str], *, overwrite: bool = False, dry_run: bool = False) -> TagOutcome:
    """Writes `genres` into the tags of the file at `path`, and tells what became of it; no error leaves this function.

    overwrite: whether to replace genres that the file has already. dry_run: whether only to tell.
    The file is replaced as a whole by a changed copy, so a crash leaves the old or the new one. Mode, owner and
    extended attributes stay; its time of change becomes now, by which players and backups know of it.
    A link stays a link to the file, and other hard links keep the old tags.
    """
    wanted = tuple(genres)
    if not wanted:
        return TagOutcome("no_label")
    target = Path(path).resolve()
    before: tuple[str, ...] = ()
    try:
        tags = open_tags(target)
        if tags is None:
            return TagOutcome("unsupported", wanted, detail="this kind of file has no tags that we can write")
        before = tags.genres
        if before == wanted:
            return TagOutcome("same", wanted, before)
        if before and not overwrite:
            return TagOutcome("kept", wanted, before)
        if not os.access(target, os.W_OK):
            raise _NotWrittenError("the file is write-protected")
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise _NotWrittenError("its folder is write-protected, so no changed copy can take its place")
        if not dry_run:
            _replace(target, tags, wanted)
    except _NotWrittenError as error:
        return TagOutcome("failed", wanted, before, str(error))
    except OSError as error:
        return TagOutcome("failed", wanted, before, error.strerror or str(error))
    except UNREADABLE as error:
        return TagOutcome("failed", wanted, before, f"its tags cannot be read or written: {error}")
    except Exception as error:  # whatever a damaged file makes of the reader of tags, the others get theirs
        return TagOutcome("failed", wanted, before, f"its tags cannot be read or written: {type(error).__name__}")
    return TagOutcome("would_write" if dry_run else "written", wanted, before)


def _replace(target: Path, tags: Tags, genres: tuple[str, ...]) -> None:
    status = target.stat()
    # One name for each file: what a crash leaves is overwritten, and no folder of recordings fills up.
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    copy = target.with_name(f".audiocnn-{digest}.part")
    try:
        shutil.copyfile(target, copy)
        tags.save(copy, genres)
        _check(tags.of_copy(copy), tags, genres)
        with suppress(OSError):  # only root gives files away
            os.chown(copy, status.st_uid, status.st_gid)
        shutil.copystat(target, copy)
        os.utime(copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        now = target.stat()
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (status.st_ino, status.st_size, status.st_mtime_ns):
            raise _NotWrittenError("another program changed the file at the same time; run again")
        os.replace(copy, target)
    finally:
        copy.unlink(missing_ok=True)


def _check(written: Tags, original: Tags, genres: tuple[str, ...]) -> None:
    if written.genres != genres:
        raise _NotWrittenError(f"expected the genres {list(genres)} in the changed copy, got {list(written.genres)}")
    (length_s, *rest), (was_s, *were) = written.sound, original.sound
    if rest != were or not math.isclose(length_s, was_s, rel_tol=1e-3, abs_tol=1e-3):
        raise _NotWrittenError("the changed copy does not describe the same sound; the file may be damaged")
