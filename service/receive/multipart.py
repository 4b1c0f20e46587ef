"""The files of a `multipart/form-data` body, as they come: nothing is spooled to disk."""

import unicodedata
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from service.errors import MalformedBodyError, TooManyFilesError, WrongFieldError

FIELD = "file"
_HINT = f"send files, as curl -F {FIELD}=@song.wav does, and options in the query string"
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to classify, and the name it came with, which is only good to be shown to its sender."""

    data: bytes
    name: str | None = None


class FormReader:
    """Reads a form piece by piece. `names` are those of its files so far, None for one that has none."""

    def __init__(self, content_type: str, max_files: int, on_data: Callable[[int, memoryview], None]) -> None:
        """on_data: called with pieces of the content of a file and the place of this file in the form.

        Raises `MalformedBodyError` if there is no boundary.
        """
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise MalformedBodyError(
                "multipart/form-data came without its boundary; let the HTTP client set Content-Type"
            )
        self.names: list[str | None] = []
        self._max_files = max_files
        self._on_data = on_data
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = bytearray(), bytearray()
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._begin_file,
                    "on_part_data": self._take,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _malformed() from error

    def feed(self, piece: bytes) -> None:
        """Read on.

        Raises `MalformedBodyError` if the body does not follow its boundary, `WrongFieldError` for a field that is no
        file, `TooManyFilesError`.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _malformed() from error

    def close(self) -> None:
        """Raises `MalformedBodyError` if the form has not ended, and `WrongFieldError` if there was no file."""
        try:
            self._parser.finalize()
        except FormParserError as error:
            raise _malformed() from error
        if not self._complete:
            raise MalformedBodyError("the multipart body ends before its closing boundary; send it again")
        if not self.names:
            raise WrongFieldError(f"the form is empty; {_HINT}")

    def _end_header(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _begin_file(self) -> None:
        header = self._headers.get(b"content-disposition", b"")
        options = parse_options_header(header)[1]
        if options.get(b"name") != FIELD.encode():
            raise WrongFieldError(f"the form has a field that is not called {FIELD!r}; {_HINT}")
        # Not from the parsed options: they leave out `filename*`, which older clients send for names beyond ASCII.
        if b"filename" not in header.lower():
            raise WrongFieldError(f"the field {FIELD!r} holds text and not a file; {_HINT}")
        if len(self.names) == self._max_files:
            raise TooManyFilesError(
                f"at most {self._max_files} files are accepted in one form; send the rest in another"
            )
        self.names.append(shown_name(options.get(b"filename", b"")))

    def _take(self, data: bytes, start: int, end: int) -> None:
        self._on_data(len(self.names) - 1, memoryview(data)[start:end])

    def _end(self) -> None:
        self._complete = True


async def files_of(body: AsyncIterator[bytes], content_type: str, max_files: int) -> list[Upload]:
    """The files of a form, in their order; none if there is no body. Raises what `FormReader` raises.

    Taken apart as they come, so that a form lies in memory once and not twice.
    """
    contents: dict[int, list[memoryview]] = {}
    reader: FormReader | None = None
    async for piece in body:
        if reader is None:
            reader = FormReader(
                content_type, max_files, lambda place, part: contents.setdefault(place, []).append(part)
            )
        reader.feed(piece)
    if reader is None:
        return []
    reader.close()
    return [Upload(b"".join(contents.pop(place, [])), name) for place, name in enumerate(reader.names)]


def shown_name(name: bytes) -> str | None:
    """The name of a file as its sender may be shown it: no folders, no control characters, not too long."""
    text = name.decode("utf-8", "replace").replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(character for character in text if not unicodedata.category(character).startswith("C"))
    return clean[:_LONGEST_NAME] or None


def _malformed() -> MalformedBodyError:
    return MalformedBodyError("the multipart body does not follow its boundary; send it again")
