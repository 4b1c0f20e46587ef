"""A client of the HTTP service: `Client`. Needs the extra `client` (httpx), and nothing that the service needs.

with Client("http://127.0.0.1:8000") as client:
    print(client.classify("song.wav").predictions)
"""

from audiocnn.client.http import Client
from audiocnn.client.problem import ServiceError, UnexpectedAnswerError
from audiocnn.client.records import Classification, Job, ModelCard, TimedAnswers

__all__ = [
    "Classification",
    "Client",
    "Job",
    "ModelCard",
    "ServiceError",
    "TimedAnswers",
    "UnexpectedAnswerError",
]
