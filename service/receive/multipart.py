"""The one file of a `multipart/form-data` body, from memory to memory: nothing is spooled to disk."""

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from service.errors import MalformedBodyError, WrongFieldError

FIELD = "file"
_MAX_PARTS = 16  # a body of nothing but part headers would otherwise cost a callback for each
_HINT = f"send one file, as curl -F {FIELD}=@song.wav does, and options in the query string"


class _Part:
    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.pieces: list[memoryview] = []


def file_of(body: bytes, content_type: str) -> bytes:
    """The content of the field `file`.

    Raises `MalformedBodyError` if the body does not follow its boundary, `WrongFieldError` if it holds anything but
    one file in that field.
    """
    parts = _parts(body, content_type)
    if not parts:
        raise WrongFieldError(f"the form is empty; {_HINT}")
    if len(parts) > 1:
        raise WrongFieldError(f"the form has {len(parts)} fields, expected one; {_HINT}")
    header = parts[0].headers.get(b"content-disposition", b"")
    if parse_options_header(header)[1].get(b"name") != FIELD.encode():
        raise WrongFieldError(f"the form has no field {FIELD!r} but another; {_HINT}")
    # Not from the parsed options: they leave out `filename*`, which older clients send for names beyond ASCII.
    if b"filename" not in header.lower():
        raise WrongFieldError(f"the field {FIELD!r} holds text and not a file; {_HINT}")
    return b"".join(parts[0].pieces)


def _parts(body: bytes, content_type: str) -> list[_Part]:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise MalformedBodyError("multipart/form-data came without its boundary; let the HTTP client set Content-Type")
    parts: list[_Part] = []
    name, value = bytearray(), bytearray()
    complete = False
    view = memoryview(body)

    def on_part_begin() -> None:
        if len(parts) == _MAX_PARTS:
            raise WrongFieldError(f"the form has more than {_MAX_PARTS} fields, expected one; {_HINT}")
        parts.append(_Part())

    def on_header_field(data: bytes, start: int, end: int) -> None:
        name.extend(data[start:end])

    def on_header_value(data: bytes, start: int, end: int) -> None:
        value.extend(data[start:end])

    def on_header_end() -> None:
        parts[-1].headers[bytes(name).lower()] = bytes(value)
        name.clear()
        value.clear()

    def on_part_data(_: bytes, start: int, end: int) -> None:
        parts[-1].pieces.append(view[start:end])

    def on_end() -> None:
        nonlocal complete
        complete = True

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": on_part_begin,
                "on_header_field": on_header_field,
                "on_header_value": on_header_value,
                "on_header_end": on_header_end,
                "on_part_data": on_part_data,
                "on_end": on_end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise MalformedBodyError("the multipart body does not follow its boundary; send it again") from error
    if not complete:
        raise MalformedBodyError("the multipart body ends before its closing boundary; send it again")
    return parts
