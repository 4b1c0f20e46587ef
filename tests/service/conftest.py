from collections.abc import Iterator

import pytest

from audiocnn import Classifier
from tests.service.server import Server, running_service


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A service with default limits, shared by all tests that only send requests."""
    with running_service() as server:
        yield server


@pytest.fixture(scope="session")
def small_server() -> Iterator[Server]:
    """A service with limits that tests can reach: one worker, one waiting."""
    with running_service(
        workers=1,
        max_queue=1,
        max_upload_bytes=4_000_000,
        max_duration_s=60,
        max_decoded_bytes=8_000_000,
        max_buffered_bytes=30_000_000,
    ) as server:
        yield server


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    return Classifier.load("genre")
