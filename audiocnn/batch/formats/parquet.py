"""Parquet, for data frames and databases: the rows of `cells.rows` with a type for each column."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from audiocnn.batch.complete_file import complete_binary
from audiocnn.batch.formats.cells import Kind, columns, rows
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import FileResult
from audiocnn.errors import MissingExtraError

try:
    import pyarrow as pa
    from pyarrow import parquet as pq
except ImportError as error:
    raise MissingExtraError("Parquet and tables need pyarrow: pip install 'audiocnn[batch]'") from error

ROWS_PER_GROUP = 16_384
"""Rows held in memory before they are written: some 20 MB of them, and few enough groups for fast queries."""

_TYPES: Mapping[Kind, pa.DataType] = {
    "text": pa.string(),
    "number": pa.float64(),
    "truth": pa.bool_(),
    "texts": pa.list_(pa.string()),
}


class TableBuilder:
    """Collects results and turns them into Arrow tables of one schema."""

    def __init__(self, selection: Selection) -> None:
        self.schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns(selection).items()])
        self._selection = selection
        self._rows: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, file: FileResult) -> None:
        self._rows += ({name: _storable(value) for name, value in row.items()} for row in rows(file, self._selection))

    def take(self) -> pa.Table:
        """The rows since the last call."""
        table = pa.Table.from_pylist(self._rows, self.schema)
        self._rows = []
        return table


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """One table of all rows, without copying them."""
    return pa.concat_tables(tables)


class ParquetWriter:
    """Writes row groups of about `ROWS_PER_GROUP` rows; nothing is readable before `close`."""

    def __init__(self, stream: BinaryIO, selection: Selection) -> None:
        self._builder = TableBuilder(selection)
        self._parquet = pq.ParquetWriter(stream, self._builder.schema, compression="zstd")

    def write(self, file: FileResult) -> None:
        self._builder.add(file)
        if len(self._builder) >= ROWS_PER_GROUP:
            self._parquet.write_table(self._builder.take())

    def close(self) -> None:
        if len(self._builder):
            self._parquet.write_table(self._builder.take())
        self._parquet.close()


@contextmanager
def open_parquet(path: Path, selection: Selection) -> Iterator[ParquetWriter]:
    with complete_binary(path) as stream, closing(ParquetWriter(stream, selection)) as writer:
        yield writer


def _storable(value: Any) -> Any:
    """`value`, with the stray bytes of a name that is not UTF-8 as `\\udcXX`, as they are in CSV."""
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
