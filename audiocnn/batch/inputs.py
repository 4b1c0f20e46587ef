"""What people name: patterns such as `music/**/*.mp3`, and lists of paths in a file or on standard input."""

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from io import RawIOBase

STANDARD_INPUT = "-"
"""Stands for a list of paths on standard input."""

_CHUNK_BYTES = 65_536
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def expand_patterns(inputs: Iterable[str]) -> Iterator[str]:
    """`inputs` with each pattern replaced by the paths that match it, in a stable order.

    What exists under its own name is no pattern, and neither is what matches nothing: opening it will say why.
    `*`, `?` and `[abc]` stand for what they do in a shell, and match no leading dot; `**` stands for any number of
    folders, links not entered.
    """
    for path in inputs:
        if not _has_wildcard(path) or os.path.lexists(path):
            yield path
            continue
        matched = False
        root = os.sep if path.startswith(os.sep) else ""
        for match in _matches(root, [part for part in path.split(os.sep) if part]):
            matched = True
            yield match
        if not matched:
            yield path


def read_list(stream: RawIOBase) -> Iterator[str]:
    """The paths in a list, one a line, as they come; empty lines are skipped.

    stream: unbuffered, so that it gives what there is and does not wait for more.
    A list with zero bytes, such as `find -print0` writes, is cut there instead, so that names may hold line breaks.
    """
    separator = b""
    rest = b""
    while chunk := stream.read(_CHUNK_BYTES):
        if not separator:
            chunk = (rest + chunk).removeprefix(_BYTE_ORDER_MARK)
            separator = b"\0" if b"\0" in chunk else b"\n" if b"\n" in chunk else b""
            if not separator:
                rest = chunk
                continue
            rest = b""
        *whole, rest = (rest + chunk).split(separator)
        yield from _names(whole, separator)
    yield from _names([rest], separator)


def _names(entries: list[bytes], separator: bytes) -> Iterator[str]:
    for entry in entries:
        name = entry if separator == b"\0" else entry.removesuffix(b"\r")
        if name:
            yield os.fsdecode(name)


def _has_wildcard(text: str) -> bool:
    return any(character in text for character in "*?[")


def _matches(base: str, parts: list[str]) -> Iterator[str]:
    """The paths below `base` that match the parts of a pattern; within a folder by name, before its sub-folders."""
    if not parts:
        yield base
        return
    part, *rest = parts
    if part == "**":
        yield from _matches(base, rest)
        for name in _listed(base):
            path = os.path.join(base, name)
            if not name.startswith(".") and os.path.isdir(path) and not os.path.islink(path):
                yield from _matches(path, parts)
    elif _has_wildcard(part):
        for name in _listed(base):
            if fnmatchcase(name, part) and name.startswith(".") <= part.startswith("."):
                yield from _further(os.path.join(base, name), rest)
    else:
        yield from _further(os.path.join(base, part), rest)


def _further(path: str, rest: list[str]) -> Iterator[str]:
    if os.path.isdir(path) if rest else os.path.lexists(path):
        yield from _matches(path, rest)


def _listed(folder: str) -> list[str]:
    """Names in a folder; none in one that cannot be listed, as in a shell."""
    try:
        return sorted(os.listdir(folder or os.curdir))
    except OSError:
        return []
