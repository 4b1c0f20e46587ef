"""The replicas as an application of Ray Serve. Import this only once Ray is connected: it does things on import."""

import contextlib
import time
from typing import Any

from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.config import ProxyLocation
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ApplicationStatus

from audiocnn.errors import ClusterError
from service.engines.replica import Replica, ReplicaLostError

NAME = "audiocnn"
"""Of the application in a cluster: services with the same settings share its replicas."""

_POLL_S = 0.2
_ANSWER_S = 10.0


class Replicas:
    """All replicas of the application, whichever they are at the moment."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def ask(self, method: str, *arguments: Any) -> Any:
        """What one of them answers, once it has time. It drops the call if this one is cancelled.

        Raises `ReplicaLostError` if it died, or the cluster did.
        """
        response = self._handle.options(method_name=method).remote(*arguments)
        try:
            return await response
        except RayTaskError:
            raise  # a bug in our own code
        except (RayError, RayServeException) as error:
            raise ReplicaLostError(type(error).__name__) from error
        finally:
            with contextlib.suppress(Exception):
                response.cancel()

    async def ask_all(self, method: str, *arguments: Any) -> list[Any]:
        """What each of them answers, at once and however busy it is, without those that have ended.

        Raises `TimeoutError` if one of them does not answer for 10 s.
        """
        try:
            answers = await self._handle.broadcast(method, *arguments).results_async(
                timeout_s=_ANSWER_S, return_exceptions=True
            )
        except (RayError, RayServeException):
            return []
        return [answer for answer in answers if not isinstance(answer, RayError)]


def existing() -> Replicas | None:
    """Those that the cluster has already."""
    try:
        return Replicas(serve.get_app_handle(NAME))
    except RayServeException:
        return None


def deploy(given: dict[str, Any], replicas: int, *, grace_s: float, timeout_s: float) -> Replicas:
    """Start them, or replace those there are, which answer until the new ones do.

    given: what each `Replica` is to know. Raises `ClusterError` if they do not answer within `timeout_s`.
    """
    workers: int = given["workers"]
    serve.start(proxy_location=ProxyLocation.Disabled)  # requests come through our own HTTP
    deployment = serve.deployment(
        Replica,
        num_replicas=replicas,
        ray_actor_options={"num_cpus": workers},
        max_ongoing_requests=2 * workers,  # the next file is there when a worker is free
        max_surge_percent=100,
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=grace_s,
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
    )
    target = serve.RunTarget(deployment.bind(given), NAME, route_prefix=None)
    (handle,) = serve.run_many([target], wait_for_applications_running=False)
    _wait(timeout_s, f"{replicas} replicas of {workers} CPUs each")
    return Replicas(handle)


def _wait(timeout_s: float, wanted: str) -> None:
    deadline_s = time.monotonic() + timeout_s
    while (found := serve.status().applications[NAME]).status != ApplicationStatus.RUNNING:
        if found.status == ApplicationStatus.DEPLOY_FAILED or time.monotonic() > deadline_s:
            raise ClusterError(f"the cluster did not start {wanted}: {found.message or found.status}")
        time.sleep(_POLL_S)
