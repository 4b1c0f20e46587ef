"""The same model served by other means, for benchmarks/serving.py, which starts these as processes of their own.

    python benchmarks/serving_peers.py bare|fastapi-torch|litserve|ray-serve [--port P] [--workers N] [--model genre]

The servers take a form with `file` at `POST /classify` and answer as our service does, with `predictions`.
"""

import argparse
import asyncio
import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from audiocnn import Classifier, Result

HOST = "127.0.0.1"


def _predictions(result: Result) -> dict[str, Any]:
    return {"predictions": [{"label": found.label, "score": found.score} for found in result.predictions]}


def bare(model: str) -> None:
    """No server: `Classifier` in a loop of threads.

    Reads lines `FILES THREADS PATH` from standard input and answers each with one of JSON: `elapsed_s`, `latencies_s`
    and the labels.
    """
    classifier = Classifier.load(model)
    classifier.warm_up()
    print("ready", flush=True)
    for line in sys.stdin:
        files, threads, path = line.split(maxsplit=2)
        data = Path(path.strip()).read_bytes()
        labels: set[str] = set()

        def classify(data: bytes = data, labels: set[str] = labels) -> None:
            labels.add(classifier.classify(data).predictions[0].label)

        elapsed_s, latencies_s = in_threads(classify, int(files), int(threads))
        print(json.dumps({"elapsed_s": elapsed_s, "latencies_s": latencies_s, "labels": sorted(labels)}), flush=True)


def in_threads(call: Callable[[], None], calls: int, threads: int) -> tuple[float, list[float]]:
    """Seconds that so many calls took, and each of them, with `threads` at work at a time."""
    turns: Iterator[int] = iter(range(calls))
    lock = threading.Lock()
    latencies_s: list[float] = []
    failures: list[Exception] = []

    def work() -> None:
        while not failures:
            with lock:
                if next(turns, None) is None:
                    return
            started = time.perf_counter()
            try:
                call()
            except Exception as failure:
                failures.append(failure)
                return
            latencies_s.append(time.perf_counter() - started)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed_s = time.perf_counter() - started
    if failures:
        raise failures[0]
    return elapsed_s, latencies_s


def fastapi_torch(model: str, port: int) -> None:
    """What one writes first: FastAPI, soundfile, and the network in PyTorch, its settings left alone."""
    import soundfile
    import soxr
    import torch
    import uvicorn
    from fastapi import FastAPI, UploadFile

    from audiocnn import pretrained
    from audiocnn.checkpoint import load_network

    spec, network = load_network(pretrained.resolve(model))
    labels = spec.task.labels
    app = FastAPI()

    @app.get("/ready")
    def ready() -> bool:
        return True

    @app.post("/classify")
    def classify(file: UploadFile) -> dict[str, Any]:
        samples, rate = soundfile.read(io.BytesIO(file.file.read()), dtype="float32", always_2d=True)
        waveform = torch.from_numpy(soxr.resample(samples.mean(1), rate, spec.input.sample_rate))
        windows = waveform.unfold(0, spec.input.window, spec.input.hop)
        windows = windows / windows.square().mean(1, keepdim=True).sqrt()
        with torch.inference_mode():
            scores = network(windows[:, None])[:, : len(labels)].softmax(1).mean(0)
        best = int(scores.argmax())
        return {"predictions": [{"label": labels[best], "score": float(scores[best])}]}

    uvicorn.run(app, host=HOST, port=port, log_level="warning")


def litserve(model: str, port: int, workers: int) -> None:
    """LitServe with a process for each worker, and our `Classifier` in each."""
    from benchmarks.serving_litserve import run

    run(model, HOST, port, workers)


def ray_serve(model: str, port: int, workers: int) -> None:
    """Ray Serve with its own HTTP proxy and a replica for each worker, our `Classifier` in each."""
    from audiocnn.cluster import ray_cluster

    with ray_cluster(cpus=workers, store_bytes=200 * 2**20):
        from ray import serve
        from starlette.requests import Request

        @serve.deployment(num_replicas=workers, ray_actor_options={"num_cpus": 1}, max_ongoing_requests=2)
        class Served:
            def __init__(self) -> None:
                self.classifier = Classifier.load(model)
                self.classifier.warm_up()

            async def __call__(self, request: Request) -> dict[str, Any]:
                async with request.form() as form:
                    data = await form["file"].read()
                return _predictions(await asyncio.to_thread(self.classifier.classify, data))

        serve.start(http_options={"host": HOST, "port": port, "access_log": False})
        serve.run(Served.bind(), route_prefix="/classify")
        threading.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["bare", "fastapi-torch", "litserve", "ray-serve"])
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", default="genre")
    options = parser.parse_args()
    if options.peer == "bare":
        bare(options.model)
    elif options.peer == "fastapi-torch":
        fastapi_torch(options.model, options.port)
    elif options.peer == "litserve":
        litserve(options.model, options.port, options.workers)
    else:
        ray_serve(options.model, options.port, options.workers)


if __name__ == "__main__":
    main()
