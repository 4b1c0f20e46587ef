"""The trained models that come with the package, by name."""

from pathlib import Path

from audiocnn.checkpoint import CONFIG
from audiocnn.errors import UnknownModelError

_HERE = Path(__file__).parent


def names() -> list[str]:
    """The bundled models, in alphabetical order."""
    return sorted(path.parent.name for path in _HERE.glob(f"*/{CONFIG}"))


def resolve(model: str | Path) -> Path:
    """The directory of a bundled model by name, or of a model of your own by path.

    Raises `UnknownModelError` if it is neither.
    """
    if str(model) in names():
        return _HERE / str(model)
    directory = Path(model)
    if not (directory / CONFIG).is_file():
        raise UnknownModelError(
            f"no bundled model and no model directory is called {str(model)!r}; "
            f"bundled: {', '.join(names())}; a directory must hold {CONFIG}"
        )
    return directory


def portable(model: str | Path) -> str:
    """What another process or machine finds the same model by: a bundled name, or a directory whatever folder one is
    in."""
    return str(model) if str(model) in names() else str(Path(model).absolute())
