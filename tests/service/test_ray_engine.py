"""The engine with others in the place of replicas: nothing here needs Ray. For real ones see test_ray_serve.py."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from click.testing import CliRunner

from audiocnn import Classifier, Result
from audiocnn.errors import ConfigError, UndecodableAudioError
from service.__main__ import main
from service.engines import ClassifyRequest
from service.engines.ray_serve import RayEngine
from service.engines.replica import Replica, ReplicaLostError, fingerprint, replica_settings
from service.errors import DeadlineExceededError, NotReadyError, OverloadedError, ReloadFailedError
from service.settings import Settings
from tests.audio_files import tone, wav_bytes

GOOD = wav_bytes(tone(seconds=0.2))
Scenario = Callable[[RayEngine], Coroutine[Any, Any, None]]


class Others:
    """Replicas that answer as they are told to, one thing after another, the last one for ever."""

    def __init__(self, *outcomes: object, names: tuple[str, ...] = ("one", "two")) -> None:
        self.outcomes = list(outcomes)
        self.names = names
        self.asked: list[tuple[Any, ...]] = []
        self.dropped = 0

    async def ask(self, method: str, *arguments: Any) -> Any:
        self.asked.append((method, *arguments))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome is None:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                self.dropped += 1
                raise
        if isinstance(outcome, ReplicaLostError):
            raise outcome
        return outcome

    async def ask_all(self, method: str, *arguments: Any) -> list[Any]:
        if method == "identity":
            return [("same", name) for name in self.names]
        return [UndecodableAudioError("no") if name == "bad" else name for name in self.names]


def run(others: Others, scenario: Scenario, **settings: Any) -> None:
    async def scene() -> None:
        engine = RayEngine(Settings(workers=1, **settings))
        await engine._local.start()
        engine._replicas = others  # type: ignore[assignment]
        await engine._look()
        try:
            await scenario(engine)
        finally:
            await engine.close()

    asyncio.run(scene())


@pytest.fixture(scope="module")
def answer(classifier: Classifier) -> Result:
    return classifier.classify(GOOD)


def test_a_file_whose_replica_dies_is_given_to_another(answer: Result) -> None:
    others = Others(ReplicaLostError("gone"), ReplicaLostError("gone"), answer)

    async def scenario(engine: RayEngine) -> None:
        result = await engine.classify(ClassifyRequest(GOOD, deadline_s=time.monotonic() + 9))
        assert result.predictions == answer.predictions
        assert engine.queue_depth == 0

    run(others, scenario)
    assert [method for method, *_ in others.asked] == ["classify"] * 3
    for _, request, remaining_s in others.asked:
        assert request.deadline_s is None  # clocks differ
        assert 8 < remaining_s < 9


def test_a_file_that_no_replica_survives_is_refused_with_a_time_to_come_back() -> None:
    others = Others(ReplicaLostError("gone"))

    async def scenario(engine: RayEngine) -> None:
        with pytest.raises(NotReadyError) as refused:
            await engine.classify(ClassifyRequest(GOOD))
        assert refused.value.headers["Retry-After"]

    run(others, scenario)
    assert len(others.asked) == 3


def test_without_a_replica_nothing_is_accepted_and_readiness_says_so(answer: Result) -> None:
    others = Others(answer)

    async def scenario(engine: RayEngine) -> None:
        assert engine.ready
        others.names = ()
        await engine._look()
        assert not engine.ready
        with pytest.raises(NotReadyError):
            await engine.classify(ClassifyRequest(GOOD))
        others.names = ("three",)
        await engine._look()
        assert engine.ready
        assert await engine.classify(ClassifyRequest(GOOD))
        text, _ = engine._metrics.exposition("")
        assert b"audiocnn_worker_restarts_total 2.0" in text

    run(others, scenario)


def test_errors_of_the_file_come_through_and_are_counted() -> None:
    others = Others(UndecodableAudioError("these are no bytes of sound"))

    async def scenario(engine: RayEngine) -> None:
        with pytest.raises(UndecodableAudioError, match="no bytes of sound"):
            await engine.classify(ClassifyRequest(b"x"))
        text, _ = engine._metrics.exposition("")
        assert b'audiocnn_decode_failures_total{code="undecodable_audio"} 1.0' in text

    run(others, scenario)


def test_the_queue_is_bounded_and_a_deadline_or_a_client_who_leaves_ends_the_call() -> None:
    others = Others(None)

    async def scenario(engine: RayEngine) -> None:
        tasks = [asyncio.create_task(engine.classify(ClassifyRequest(GOOD))) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert engine.queue_depth == 3  # two replicas of one worker are busy
        with pytest.raises(OverloadedError, match="3 files are waiting"):
            await engine.classify(ClassifyRequest(GOOD))
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert engine.queue_depth == 0
        with pytest.raises(DeadlineExceededError):
            await engine.classify(ClassifyRequest(GOOD, deadline_s=time.monotonic() + 0.05))

    run(others, scenario, max_queue=3)
    assert others.dropped == 6


def test_what_belongs_to_this_process_stays_here() -> None:
    others = Others(ReplicaLostError("not to be asked"))

    async def scenario(engine: RayEngine) -> None:
        assert (await engine.classify(ClassifyRequest(GOOD, background=True))).predictions is not None
        with pytest.raises(ConfigError):
            await engine.classify(ClassifyRequest(GOOD, hop_s=-1.0))

    run(others, scenario)
    assert others.asked == []


def test_a_reload_that_one_replica_cannot_follow_is_said() -> None:
    others = Others(None)

    async def scenario(engine: RayEngine) -> None:
        await engine.reload("genre")
        others.names = ("one", "bad")
        with pytest.raises(ReloadFailedError, match="each machine"):
            await engine.reload("genre")

    run(others, scenario)


@pytest.mark.parametrize(
    ("processes", "says"), [("1", r"pip install 'audiocnn\[ray\]'"), ("2", "AUDIOCNN_RAY_ADDRESS")]
)
def test_what_cannot_work_is_said_before_the_start(processes: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if processes == "1" else name)
    outcome = CliRunner().invoke(main, env={"AUDIOCNN_ENGINE": "ray", "AUDIOCNN_PROCESSES": processes})
    assert outcome.exit_code == 1
    assert re.search(says, outcome.output)


def test_replicas_are_told_no_secrets_and_find_the_models_from_any_folder() -> None:
    settings = Settings(model="genre", models="digits, audiocnn/pretrained/esc10", admin_token="secret", api_keys="key")
    given = replica_settings(settings)
    assert "secret" not in str(given)
    assert "key" not in str(given)
    assert given["model"] == "genre"
    assert given["models"].startswith("digits,/")
    assert fingerprint(given) == fingerprint(replica_settings(settings.model_copy(update={"port": 1})))
    assert fingerprint(given) != fingerprint(replica_settings(settings.model_copy(update={"workers": 77})))


def test_a_replica_answers_as_the_library_does_and_returns_errors(answer: Result) -> None:
    async def scene() -> None:
        replica = Replica(replica_settings(Settings(workers=1)))
        result = await replica.classify(ClassifyRequest(GOOD), 30.0)
        assert isinstance(result, Result)
        assert result.predictions == answer.predictions
        assert isinstance(await replica.classify(ClassifyRequest(b"junk"), None), UndecodableAudioError)
        assert isinstance(await replica.classify(ClassifyRequest(GOOD), -1.0), DeadlineExceededError)
        assert (await replica.identity())[1] != (await Replica(replica_settings(Settings(workers=1))).identity())[1]

    asyncio.run(scene())
