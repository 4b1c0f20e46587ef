"""Nodes of a Ray cluster on loopback until standard input ends: `python -m tests.ray_nodes NODES CPUS`.

Prints the address, then for each node the process whose end is that of the node. `ray start` refuses a second node
that stays on loopback.
"""

import sys

from ray.cluster_utils import Cluster


def main(nodes: int, cpus: int) -> None:
    cluster = Cluster()
    for _ in range(nodes):
        cluster.add_node(num_cpus=cpus, object_store_memory=100_000_000, include_dashboard=False)
    raylets = [node.all_processes["raylet"][0].process.pid for node in cluster.list_all_nodes()]
    sys.stdout.write(" ".join(map(str, [cluster.address, *raylets])) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
