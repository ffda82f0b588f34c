"""The OPC UA standard's own nodes, kept in a file: a server is up in milliseconds, not in a second.

The library builds its 6000 standard nodes anew for each server. Where the environment names a file
they are built once, and afterwards each node is read when it is first met.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from asyncua import Server, ua
from asyncua.server.address_space import AddressSpace, NodeData

KEPT = "MACHIKOBA_OPCUA_NODES"
"""Names the file. What lies there is believed as our own code is: only for files of one's own."""


async def init(server: Server) -> None:
    """As `server.init()`."""
    if not (named := os.environ.get(KEPT)):
        await server.init()
        return
    server.iserver.aspace.__class__ = _KeptSpace
    with _first_or_later(Path(named)):
        await server.init(shelf_file=Path(named))


@contextmanager
def _first_or_later(path: Path) -> Iterator[None]:
    """Of many that start together one builds, and the others wait for its file."""
    if path.exists():
        yield
        return
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        gc.disable()  # it would walk a million objects again and again, all of them needed
        try:
            yield
        finally:
            gc.enable()


class _KeptSpace(AddressSpace):
    """The library's own way to keep nodes, without its dbm files, which differ between systems."""

    def make_aspace_shelf(self, path: Path) -> None:
        """Keep all nodes; whoever reads the file meanwhile finds none or a whole one."""
        stored = {key.to_string(): pickle.dumps(node) for key, node in self._nodes.items()}
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_bytes(pickle.dumps(stored))
        new.replace(path)

    def load_aspace_shelf(self, path: Path) -> None:
        """Have the kept nodes, none of them met yet."""
        self._nodes = _Nodes(pickle.loads(path.read_bytes()))  # type: ignore[assignment]


class _Nodes(MutableMapping[ua.NodeId, NodeData]):
    """Kept nodes and new ones; iterates, as the library's own, over those that were met."""

    def __init__(self, stored: Mapping[str, bytes]) -> None:
        self._stored = stored
        self._met: dict[ua.NodeId, NodeData] = {}

    def __getitem__(self, key: ua.NodeId) -> NodeData:
        if key not in self._met:
            self._met[key] = pickle.loads(self._stored[key.to_string()])
        return self._met[key]

    def __setitem__(self, key: ua.NodeId, node: NodeData) -> None:
        self._met[key] = node

    def __delitem__(self, key: ua.NodeId) -> None:
        del self._met[key]

    def __contains__(self, key: object) -> bool:
        return key in self._met or (isinstance(key, ua.NodeId) and key.to_string() in self._stored)

    def __iter__(self) -> Iterator[ua.NodeId]:
        return iter(self._met)

    def __len__(self) -> int:
        return len(self._met)
