"""What is wrong with the head of a request that the HTTP parser lets pass."""

import binascii
from base64 import b64decode
from collections.abc import Sequence

Headers = Sequence[tuple[bytes, bytes]]

_KEY_BYTES = 16


def fault_of(version: str, headers: Headers) -> str | None:
    """None, or what is wrong: heads in which the next server on the way might see another request than this one.

    version: of HTTP. headers: their names in lower case.
    """
    codings = _values(headers, b"transfer-encoding")
    if version not in ("1.0", "1.1"):
        return f"this speaks HTTP 1.1, the request says {version}"
    if codings and (version == "1.0" or [coding.strip().lower() for coding in codings] != [b"chunked"]):
        return "the only Transfer-Encoding is chunked, in HTTP 1.1; send the body in chunks or with its Content-Length"
    if len(_values(headers, b"host")) > 1:
        return "there is more than one Host header; send one"
    return None


def handshake_fault_of(method: bytes, version: str, headers: Headers) -> str | None:
    """As `fault_of` for a request that wants to become a WebSocket."""
    if method != b"GET" or version != "1.1":
        return "a WebSocket begins with a GET of HTTP 1.1"
    if _values(headers, b"transfer-encoding") or _values(headers, b"content-length") not in ([], [b"0"]):
        return "a WebSocket begins with a GET without a body"
    if _values(headers, b"sec-websocket-version") != [b"13"]:
        return "the Sec-WebSocket-Version must be 13"
    keys = _values(headers, b"sec-websocket-key")
    try:
        whole = [len(b64decode(key.strip(), validate=True)) for key in keys] == [_KEY_BYTES]
    except binascii.Error:
        whole = False
    return None if whole else f"there must be one Sec-WebSocket-Key, {_KEY_BYTES} bytes in Base64"


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name == wanted]
