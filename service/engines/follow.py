"""What one process of a service reloads, the others reload too."""

import asyncio
import hashlib
import logging
from pathlib import Path

from service.engines.protocol import Engine
from service.errors import RequestError

logger = logging.getLogger("audiocnn.service")

_LOOK_S = 0.5


class ReloadNews:
    """News of reloaded models in a folder that all processes share: a file for each, whose time is that of the news.

    folder: None for a single process, which has nobody to tell.
    """

    def __init__(self, folder: Path | None, engine: Engine) -> None:
        self._folder = folder
        self._engine = engine
        self._seen: dict[str, int] = {}

    def tell(self, model: str) -> None:
        """This process has reloaded `model`."""
        if self._folder is not None:
            file = self._file(self._folder, model)
            file.touch()
            self._seen[model] = file.stat().st_mtime_ns

    async def follow(self) -> None:
        """Reload what others have, until cancelled. One that fails keeps its earlier model, as its log says."""
        if self._folder is None:
            return
        self._seen = {model: self._time(self._folder, model) for model in self._models()}
        while True:
            await asyncio.sleep(_LOOK_S)
            for model in self._models():
                at = self._time(self._folder, model)
                if at > self._seen.get(model, 0):
                    self._seen[model] = at
                    try:
                        await self._engine.reload(model)
                    except RequestError as error:
                        logger.error("another process has reloaded model %s, this one could not: %s", model, error)

    def _models(self) -> list[str]:
        return [info.name for _, info in self._engine.models()]

    def _time(self, folder: Path, model: str) -> int:
        try:
            return self._file(folder, model).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    @staticmethod
    def _file(folder: Path, model: str) -> Path:
        """A name may hold anything, a file's name may not."""
        return folder / f"reload-{hashlib.sha256(model.encode()).hexdigest()}"
