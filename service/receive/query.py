"""What the models of the parameters cannot see: a query string as it came."""

from collections import Counter

from starlette.requests import HTTPConnection

from service.errors import InvalidParameterError

_REPEATED = "layer"
_SHOWN_NAME = 60


async def each_once(connection: HTTPConnection) -> None:
    """To be depended on. Raises `InvalidParameterError` for a parameter that comes twice: one would be lost."""
    counted = Counter(name for name, _ in connection.query_params.multi_items() if name != _REPEATED)
    for name, count in counted.items():
        if count > 1:
            raise InvalidParameterError(f"{name[:_SHOWN_NAME]} comes {count} times; send it once")
