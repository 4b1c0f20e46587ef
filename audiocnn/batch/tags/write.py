"""The genre of one file: never over another unless told to, never half written, the sound untouched."""

import errno
import fcntl
import hashlib
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    with _ours_alone(copy):
        try:
            shutil.copyfile(target, copy)
            tags.save(copy, genres)
            _check(tags.of_copy(copy), tags, genres)
            _give(copy, status)
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


@contextmanager
def _ours_alone(copy: Path) -> Iterator[None]:
    """No other run of this program takes the same name for its copy meanwhile: it would be of halves of both."""
    descriptor = os.open(copy, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(descriptor, copy):
            raise _NotWrittenError("another run writes its tags at the same time; run again")
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, path: Path) -> bool:
    """Locks the file, which must still be the one at `path` then; does without where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):
            raise
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _give(copy: Path, owner: os.stat_result) -> None:
    """Makes `copy` belong to whom the file belongs to."""
    made = copy.stat()
    if (made.st_uid, made.st_gid) == (owner.st_uid, owner.st_gid):
        return
    try:
        os.chown(copy, owner.st_uid, owner.st_gid)
    except PermissionError as error:
        raise _NotWrittenError("it belongs to another user or group, and would be yours; run as its owner") from error


def _check(written: Tags, original: Tags, genres: tuple[str, ...]) -> None:
    if written.genres != genres:
        raise _NotWrittenError(f"expected the genres {list(genres)} in the changed copy, got {list(written.genres)}")
    (length_s, *rest), (was_s, *were) = written.sound, original.sound
    if rest != were or not math.isclose(length_s, was_s, rel_tol=1e-3, abs_tol=1e-3):
        raise _NotWrittenError("the changed copy does not describe the same sound; the file may be damaged")
