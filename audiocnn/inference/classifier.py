"""`Classifier`: an encoded file in, `Result` out."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from audiocnn import pretrained
from audiocnn.checkpoint import ONNX, load_network, read_spec, weights_sha256
from audiocnn.errors import CheckpointError, ConfigError, MissingExtraError, WindowError
from audiocnn.inference.answers import Answerer, Vote
from audiocnn.inference.backend import Backend, Device
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.inference.silence import background_rule
from audiocnn.inference.votes import WAITING, Background, Heard, nothing_but_background, votes
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.media import opener
from audiocnn.prediction import (
    Answers,
    LiveAnswer,
    MediaInfo,
    ModelInfo,
    Result,
    SegmentResult,
    Timing,
)
from audiocnn.prepared import Window
from audiocnn.source import Source
from audiocnn.spec import MAIN, AudioSpec, InputSpec, ModelSpec, recut
from audiocnn.waveform import Segment

if TYPE_CHECKING:
    from audiocnn.audio.reader import AudioReader

Item = TypeVar("Item")
Progress = Callable[[float], None]

BATCH = 8
"""Windows per call of the backend: enough to fill it, few enough to bound memory."""
LIVE_WINDOWS = 8
"""How many of the last windows the rolling answer of `Classifier.live` is about."""
_LARGEST = 1e6


@dataclass(frozen=True, slots=True)
class _HeardFile:
    """A file as the network took it: the logits of each window, None for one that does not vote."""

    media: MediaInfo
    segments: list[Segment | None]
    votes: list[Vote]
    warnings: tuple[str, ...]
    timing: Timing


class Classifier:
    """A trained model that answers for whole files of any length, in constant memory.

    Safe to share between threads: a call keeps its state in local variables.
    """

    def __init__(self, spec: ModelSpec, backend: Backend, sha256: str, decoders: DecoderPool | None = None) -> None:
        self.spec = spec
        self.info = ModelInfo(spec.name, spec.version, sha256)
        self._backend = backend
        self._decoders = decoders
        self._open = opener(spec.input, decoders)
        self._rule = background_rule(spec.input)
        self._answerer = Answerer(spec.tasks)

    @classmethod
    def load(
        cls,
        model: str | Path = "genre",
        *,
        backend: Literal["onnx", "torch"] = "onnx",
        threads: int = 1,
        device: Device = "cpu",
        decoders: DecoderPool | None = None,
    ) -> "Classifier":
        """The model with a bundled name, or the one in a directory.

        backend: `onnx` runs `model.onnx`; `torch` builds the network (extra `train`).
        threads: CPU threads inside one call of the ONNX backend. device: where the ONNX backend runs (see `Device`).
        decoders: child processes for all files but plain WAV, so that none of them can hang or crash this process;
        the caller closes it. By default files are decoded in this process.
        Raises `UnknownModelError`, `CheckpointError`, `ConfigError` for another backend or a device that is not there,
        and `MissingExtraError` for torch, or what images and video need, when it is not installed.
        """
        directory = pretrained.resolve(model)
        spec, sha256 = read_spec(directory), weights_sha256(directory)
        if backend not in ("onnx", "torch"):
            raise ConfigError(f"backend must be 'onnx' or 'torch', got {backend!r}")
        if backend == "onnx":
            network = OnnxBackend(directory / ONNX, spec.input.input_name, threads, device=device)
            if network.weights_sha256 not in (None, sha256):
                raise CheckpointError(
                    f"{directory / ONNX} was made of other weights than those beside it; write it anew with: "
                    f"audiocnn export {directory}"
                )
            return cls(spec, network, sha256, decoders)
        if device != "cpu":
            raise ConfigError(f"device {device!r} is for backend 'onnx'; for torch give `Classifier` a `TorchBackend`")
        try:
            from audiocnn.inference.torch_backend import TorchBackend
        except ImportError as error:
            raise MissingExtraError("backend 'torch' needs torch: pip install 'audiocnn[train]'") from error
        return cls(spec, TorchBackend(load_network(directory)[1]), sha256, decoders)

    def classify(
        self,
        source: Source,
        limits: DecodeLimits | None = None,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
        progress: Progress | None = None,
    ) -> Result:
        """The answers for one file: over the whole file and, for sound and video, for each window.

        source: an encoded file as bytes, or the path of one. limits: what to refuse (see `DecodeLimits`).
        window_s, hop_s: other windows than the model's own (see `audiocnn.spec.recut`).
        progress: called with the seconds heard so far after every few windows; what it raises ends the call.
        Raises a `MediaError` that says what is wrong with the file, and `WindowError` for windows that the model does
        not take.
        """
        heard = self._listen(source, limits, recut(self.spec.input, window_s, hop_s), progress)
        answers, labels = self._answerer.of_clip(heard.votes)
        return Result(
            model=self.info,
            media=heard.media,
            predictions=answers[MAIN],
            segments=tuple(
                self._segment_result(segment, vote)
                for segment, vote in zip(heard.segments, heard.votes, strict=True)
                if segment is not None
            ),
            warnings=heard.warnings,
            timing=heard.timing,
            side=_side(answers),
            labels=labels.pop(MAIN),
            side_labels=labels,
        )

    def logits(
        self, source: Source, limits: DecodeLimits | None = None
    ) -> tuple[NDArray[np.float64], list[Segment | None]]:
        """What the network says of the windows that vote, `(windows, outputs)`, and where in the file each of them is.

        The answer for the file is what `Heads.of_clips` makes of them; of nothing but silence there are none. What
        has no time has no segment. Raises what `classify` raises.
        """
        heard = self._listen(source, limits, self.spec.input)
        votes = [(vote, where) for vote, where in zip(heard.votes, heard.segments, strict=True) if vote is not None]
        logits = np.array([vote for vote, _ in votes]).reshape(len(votes), self._answerer.num_outputs)
        return logits, [where for _, where in votes]

    def live(
        self,
        reader: "AudioReader",
        limits: DecodeLimits | None = None,
        *,
        window_s: float | None = None,
        hop_s: float | None = None,
    ) -> Iterator[LiveAnswer]:
        """An answer for each window of sound as it comes, and over the last `LIVE_WINDOWS`, in constant memory.

        reader: gives blocks until the sound ends, and may wait for them.
        Raises what `classify` raises, `WindowError` also for a model of anything but sound.
        """
        from audiocnn.audio.prepare import mono_blocks, windows

        spec = recut(self.spec.input, window_s, hop_s)
        if not isinstance(spec, AudioSpec):
            raise WindowError(f"only models of sound listen live, {self.spec.name!r} takes {spec.media} input")
        last: deque[Heard] = deque(maxlen=LIVE_WINDOWS)
        for window in windows(mono_blocks(reader, spec.sample_rate, limits), spec):
            last += self._hear([window], spec)
            voting = votes(last)
            answers, labels = self._answerer.of_clip(voting)
            segment = self._segment_result(cast(Segment, window.segment), voting[-1])
            yield LiveAnswer(segment, answers[MAIN], labels.pop(MAIN), _side(answers), labels)

    def infer(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """The network alone: logits `(batch, outputs)` of model inputs `(batch, *spec.input.shape)`, already prepared.

        Raises `ConfigError` for another shape or type, and for values that are not finite or absurdly large.
        """
        shape = self.spec.input.shape
        if windows.shape[1:] != shape or not len(windows) or windows.dtype != np.float32:
            raise ConfigError(
                f"expected float32 of shape (batch, {', '.join(map(str, shape))}), got {windows.dtype} of shape "
                f"{windows.shape}"
            )
        if not np.abs(windows).max() <= _LARGEST:  # NaN fails every comparison
            raise ConfigError(f"expected numbers between {-_LARGEST:g} and {_LARGEST:g}, got NaN or larger ones")
        inputs = [Window(values, None) for values in windows]
        return np.concatenate([self._logits(batch, self.spec.input) for batch in batched(inputs, BATCH)])

    def warm_up(self) -> None:
        """Run the network once, on noise: a model that cannot answer fails here, and the first caller waits less.

        Raises `CheckpointError` if its files do not fit together.
        """
        values = np.random.default_rng(0).standard_normal(self.spec.input.shape).astype(np.float32)
        bool(self._hear([Window(values, None)], self.spec.input)[0].background)

    def _listen(
        self, source: Source, limits: DecodeLimits | None, spec: InputSpec, progress: Progress | None = None
    ) -> _HeardFile:
        started = time.perf_counter()
        infer_s = 0.0
        heard: list[Heard] = []
        waiting: deque[Heard] = deque()
        size = max(1, min(BATCH, int(BATCH * math.prod(self.spec.input.shape) / math.prod(spec.shape))))
        open_file = self._open if spec is self.spec.input else opener(spec, self._decoders)
        with open_file(source, limits) as prepared:
            for batch in batched(prepared.windows(), size):
                batch_started = time.perf_counter()
                new = self._hear(batch, spec)
                heard += new
                waiting += new
                while len(waiting) > WAITING * size:
                    bool(waiting.popleft().background)
                infer_s += time.perf_counter() - batch_started
                if progress and (segment := heard[-1].segment):
                    progress(segment.end_s)
            media, warnings = prepared.info, [*prepared.warnings]
        votes_started = time.perf_counter()
        voting = votes(heard)
        only_background = nothing_but_background(heard)
        infer_s += time.perf_counter() - votes_started
        if only_background:
            warnings.append("the silence detector hears nothing but background noise: do not rely on this answer")
        return _HeardFile(
            media,
            [window.segment for window in heard],
            voting,
            tuple(warnings),
            Timing(decode_ms=1000 * (time.perf_counter() - started - infer_s), infer_ms=1000 * infer_s),
        )

    def _hear(self, batch: list[Window], spec: InputSpec) -> list[Heard]:
        logits = iter(self._logits([window for window in batch if not window.silent], spec))
        return [
            Heard(
                window.segment,
                window.level_db,
                None if window.silent else next(logits),
                self._rule is not None and not window.silent and Background(window, self._rule),
            )
            for window in batch
        ]

    def _logits(self, windows: list[Window], spec: InputSpec) -> NDArray[np.float64]:
        """`(windows, outputs)`."""
        if not windows:
            return np.empty((0, self._answerer.num_outputs))
        is_own = spec.shape == self.spec.input.shape
        unfit = WindowError(f"the network of {self.spec.name!r} does not take windows of that length; leave it out")
        try:
            logits = self._backend(np.stack([window.values for window in windows]))
        except Exception as error:  # each backend has its own kinds
            if is_own:
                raise
            raise unfit from error
        wanted = (len(windows), self._answerer.num_outputs)
        if logits.shape != wanted or not np.isfinite(logits).all():
            if not is_own:
                raise unfit
            raise CheckpointError(
                f"model {self.spec.name!r} gave logits of shape {logits.shape} or non-finite ones where "
                f"{wanted} finite ones were expected; its files do not fit together"
            )
        return logits.astype(np.float64)

    def _segment_result(self, segment: Segment, vote: Vote) -> SegmentResult:
        answers = self._answerer.of_window(vote)
        return SegmentResult(segment, vote is None, answers[MAIN], _side(answers))


def _side(answers: dict[str, Answers]) -> dict[str, Answers]:
    return {name: found for name, found in answers.items() if name != MAIN}


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last one as long as it comes."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
