"""The models of a process by name, replaced one at a time while others answer."""

import logging
import threading
from collections.abc import Sequence

from audiocnn import AudioCnnError, Classifier, DecoderPool, pretrained
from audiocnn.checkpoint import CONFIG, ONNX, WEIGHTS, check_complete, weights_sha256
from audiocnn.errors import ConfigError
from audiocnn.insight.onnx_lens import OnnxLens
from service.errors import NotInspectableError, NotReadyError, ReloadFailedError, UnknownModelError

_CARD = "MODEL_CARD.md"

logger = logging.getLogger("audiocnn.service")


class ModelRegistry:
    """Classifiers by the name in their `config.json`; the first of `sources` is the default.

    sources: names of bundled models and directories of others. decoders: see `Classifier.load`. Safe to share between
    threads.
    """

    def __init__(self, sources: Sequence[str], decoders: DecoderPool | None = None) -> None:
        self._sources = sources
        self._decoders = decoders
        self._models: dict[str, Classifier] = {}
        self._source_of: dict[str, str] = {}
        self._reloading = threading.Lock()
        self._lenses: dict[str, tuple[Classifier, OnnxLens]] = {}

    @property
    def loaded(self) -> bool:
        return bool(self._models)

    def load(self) -> None:
        """Load all of them. Raises what `Classifier.load` does, and `ConfigError` for two of the same name."""
        models: dict[str, Classifier] = {}
        for source in self._sources:
            classifier = self._load(source)
            name = classifier.spec.name
            if name in models:
                raise ConfigError(f"two models are called {name!r}; give one another name in its {CONFIG}")
            models[name], self._source_of[name] = classifier, source
        self._models = models

    def clear(self) -> None:
        self._models = {}

    def all(self) -> list[Classifier]:
        """In the order of the sources. Raises `NotReadyError` before they are loaded."""
        if not self._models:
            raise NotReadyError("the model is not loaded; try again shortly")
        return list(self._models.values())

    def get(self, name: str | None) -> Classifier:
        """The one of that name, the default for None. Raises `UnknownModelError`, and `NotReadyError`."""
        models = self.all()
        found = models[0] if name is None else self._models.get(name)
        if found is None:
            known = ", ".join(model.spec.name for model in models)
            raise UnknownModelError(f"no model of that name is served; there are: {known}")
        return found

    def lens(self, name: str | None) -> OnnxLens:
        """The same model, to be looked into. Raises `NotInspectableError`, and what `get` raises."""
        classifier = self.get(name)
        name = classifier.spec.name
        made_for, lens = self._lenses.get(name, (None, None))
        if lens is None or made_for is not classifier:
            source = self._source_of[name]
            try:
                lens = OnnxLens.load(source)
                is_same = weights_sha256(pretrained.resolve(source)) == classifier.info.sha256
            except (AudioCnnError, OSError) as error:
                logger.warning("model %s cannot be looked into: %s", name, error)
                raise NotInspectableError(
                    "the file of this model does not say what its layers are; its operator writes it anew with "
                    "`audiocnn export` and reloads the model"
                ) from error
            if not is_same:
                raise NotInspectableError("the files of this model were replaced; its operator reloads it first")
            self._lenses[name] = classifier, lens
        return lens

    def card(self, name: str) -> str:
        """The text of the model's card, empty without one. Raises what `get` raises."""
        self.get(name)
        path = pretrained.resolve(self._source_of[name]) / _CARD
        return path.read_text("utf-8", errors="replace") if path.is_file() else ""

    def reload(self, name: str) -> Classifier:
        """Load the files of one model anew and let it answer, if they work. Raises `ReloadFailedError` if not."""
        old = self.get(name)
        with self._reloading:
            source = self._source_of[name]
            try:
                before = _versions(source)
                new = self._load(source)
                if new.spec.name != name or new.spec.input.media != old.spec.input.media:
                    raise ConfigError(f"{source} is now {new.spec.name!r}, which takes {new.spec.input.media}")
                if _versions(source) != before:
                    raise ConfigError(f"files in {source} changed while they were read")
            except (AudioCnnError, OSError) as error:
                logger.warning("model %s was not reloaded: %s", name, error)
                raise ReloadFailedError(
                    "the model's files are incomplete, do not fit together or are another model's; the earlier model "
                    "goes on answering. Copy them again and reload; the log has the reason"
                ) from error
            self._models = {**self._models, name: new}
        return new

    def _load(self, source: str) -> Classifier:
        """A classifier tried once: a model that cannot answer fails here, and its first caller waits no longer."""
        check_complete(pretrained.resolve(source))
        classifier = Classifier.load(source, decoders=self._decoders)
        classifier.warm_up()
        return classifier


def _versions(source: str) -> list[tuple[int, int]]:
    status = [(pretrained.resolve(source) / name).stat() for name in (CONFIG, WEIGHTS, ONNX)]
    return [(file.st_size, file.st_mtime_ns) for file in status]
