"""The same model behind LitServe, for benchmarks/serving_peers.py. LitServe's processes import what they are to serve,
so it cannot be defined in a function."""

from typing import Any

import litserve
from fastapi import Request

from audiocnn import Classifier, Result


class Served(litserve.LitAPI):  # type: ignore[misc]
    def __init__(self, model: str) -> None:
        super().__init__(api_path="/classify")
        self._model = model

    def setup(self, device: str) -> None:
        self._classifier = Classifier.load(self._model)
        self._classifier.warm_up()

    def decode_request(self, request: Request) -> bytes:
        data: bytes = request["file"].file.read()
        return data

    def predict(self, data: bytes) -> Result:
        return self._classifier.classify(data)

    def encode_response(self, result: Result) -> dict[str, Any]:
        return {"predictions": [{"label": found.label, "score": found.score} for found in result.predictions]}


def run(model: str, host: str, port: int, workers: int) -> None:
    server = litserve.LitServer(Served(model), accelerator="cpu", workers_per_device=workers, timeout=600)
    server.run(host=host, port=port, generate_client_file=False, log_level="warning")
