"""Ray: a cluster of this process's own, or one that exists."""

import importlib.util
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from audiocnn.errors import ClusterError, MissingExtraError

_ANSWER_S = 5.0
_ONLY_LOOPBACK = ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")


def check_ray() -> None:
    """Raises `MissingExtraError` where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError("Ray is not installed: pip install 'audiocnn[ray]'")


@contextmanager
def ray_cluster(address: str = "", *, cpus: int, store_bytes: int) -> Iterator[None]:
    """Ray, connected until the end of the block.

    address: `HOST:PORT` of a cluster of which this machine is a node, `auto` for the one whose node it is. By default
    a new cluster of this machine alone, with so many CPUs and so large an object store: it listens on loopback, asks
    for a token, tells nobody of its use, and ends with the block or with this process, whatever ends it. A cluster that
    this process is connected to already is used as it is, and stays. Called in the main thread, it leaves signals to
    whoever had them.
    Raises `MissingExtraError` where Ray is not installed, and `ClusterError` if there is no cluster.
    """
    check_ray()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if _connected():
        yield
    elif address:
        _check_answers(address)
        with _session(address):
            yield
    else:
        _prepare_own()
        with _short_folder() as folder:
            own = {
                "num_cpus": cpus,
                "object_store_memory": store_bytes,
                "include_dashboard": False,
                "_temp_dir": folder,
            }
            with _session("local", **own):
                yield


def _connected() -> bool:
    if "ray" not in sys.modules:
        return False
    import ray

    return bool(ray.is_initialized())


def _check_answers(address: str) -> None:
    """Ray itself would try for minutes, and then end this process."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S):
            return
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Ray cluster answers at {address!r}; expected HOST:PORT of its head: {error}") from error


def _prepare_own() -> None:
    """Ray reads where it may listen as it is imported, and hands the rest on to its processes."""
    name, value = _ONLY_LOOPBACK
    if "ray" in sys.modules and os.environ.get(name) != value:
        raise ClusterError(
            f"Ray was imported before it was told to stay on loopback; set {name}={value}, or ray.init()"
        )
    os.environ |= {name: value, "RAY_AUTH_MODE": "token"}
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # or Ray leaves one in the home folder


@contextmanager
def _short_folder() -> Iterator[str]:
    """Ray's sockets lie in it, whose paths have 107 characters at most. Its processes may write while they end."""
    folder = tempfile.mkdtemp(prefix="ray-")
    try:
        yield folder
    finally:
        deadline_s = time.monotonic() + _ANSWER_S
        while os.path.exists(folder) and time.monotonic() < deadline_s:
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.1)


@contextmanager
def _session(address: str, **options: Any) -> Iterator[None]:
    import ray

    # In a thread of its own: in the main one Ray would set a handler for SIGTERM. Linux ends the processes of a new
    # cluster with the thread that started them, so it stays.
    with ThreadPoolExecutor(1, "ray") as thread:
        logging.getLogger("ray").setLevel(logging.ERROR)  # it warns that it leaves signals alone
        try:
            with _own_sigterm():
                thread.submit(ray.init, address, log_to_driver=False, configure_logging=False, **options).result()
        except Exception as error:  # Ray raises that itself, if its processes are slow
            what = (
                "no Ray cluster could be started"
                if options
                else f"the Ray cluster at {address} does not take this process; is this machine a node of it, with the "
                "same versions of Python and Ray?"
            )
            raise ClusterError(f"{what}: {error}") from error
        finally:
            logging.getLogger("ray").setLevel(logging.WARNING)
        try:
            yield
        finally:
            ray.shutdown()


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Ray's native part has a handler for SIGTERM too, under which a process ends with an abort."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
