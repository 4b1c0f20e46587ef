"""What can be added to an ONNX file without a library: outputs and metadata.

An ONNX file is one protobuf message, `ModelProto`, and whoever reads a message whose encoding is followed by more of it
merges the two: lists grow (protobuf.dev, "Encoding", "Last One Wins"). So a few bytes behind a file name more outputs
of its graph. The field numbers are those of onnx.proto.
"""

from collections.abc import Sequence

_GRAPH, _METADATA = 7, 14  # of ModelProto
_OUTPUT = 12  # of GraphProto
_NAME = 1  # of ValueInfoProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """The ONNX file `model` with more outputs: inner values of its graph, by their names in it."""
    return model + _field(_GRAPH, b"".join(_field(_OUTPUT, _field(_NAME, name.encode())) for name in names))


def with_metadata(model: bytes, key: str, value: str) -> bytes:
    """The ONNX file `model` with one more entry in its metadata."""
    return model + _field(_METADATA, _field(_KEY, key.encode()) + _field(_VALUE, value.encode()))


def _field(number: int, content: bytes) -> bytes:
    length_delimited = 2
    return _varint(number << 3 | length_delimited) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
