"""The same work in Ray Data, for benchmarks/batch.py, which starts this as a process of its own.

    python benchmarks/batch_ray.py FOLDER --workers 2

An actor for each worker with our `Classifier`, paths in, rows with the best label out: no journal, and no retry. Prints
JSON: `start_s`, until Ray is there, then `elapsed_s` and `cpu_s` for the files, the start of the actors included.
"""

import argparse
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from audiocnn import Classifier
from audiocnn.cluster import ray_cluster
from benchmarks.processes import cpu_s

FILES_PER_TASK = 16


class Classify:
    def __init__(self) -> None:
        self._classifier = Classifier.load("genre")

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        paths = [str(path) for path in batch["path"]]
        return {"path": paths, "label": [self._classifier.classify(path).predictions[0].label for path in paths]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # for Ray's workers, which unpickle `Classify`
    began = time.perf_counter()
    with ray_cluster(cpus=arguments.workers, store_bytes=200 * 2**20):
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        ray.data.DataContext.get_current().enable_progress_bars = False
        started, cpu_before_s = time.perf_counter(), cpu_s(os.getpid())
        paths = sorted(map(str, arguments.folder.iterdir()))
        files = ray.data.from_items(
            [{"path": path} for path in paths], override_num_blocks=-(-len(paths) // FILES_PER_TASK)
        )
        workers = ray.data.ActorPoolStrategy(size=arguments.workers)
        # Half a CPU for Ray's books: actors that hold all of them starve the tasks before them.
        rows = files.map_batches(Classify, batch_size=None, compute=workers, num_cpus=0.5).take_all()
        elapsed_s, used_s = time.perf_counter() - started, cpu_s(os.getpid()) - cpu_before_s
    if {row["path"] for row in rows} != set(paths):
        raise SystemExit(f"{len(rows)} rows for {len(paths)} files")
    sys.stdout.write(json.dumps({"start_s": started - began, "elapsed_s": elapsed_s, "cpu_s": used_s}))


if __name__ == "__main__":
    main()
