"""Maps of another process, received over a Unix socket."""

import os
from collections.abc import Collection

from pytc.api.calls import log, public
from pytc.api.maps import Map
from pytc.closing import Closing
from pytc.exec_proxy.map_transfer import Importer
from pytc.exec_proxy.received import ReceivedObject


class ReceivedMaps(Closing):
    """The maps of an object that another process has loaded and exported, by their names in the kernel.

    ``name`` is the path of the object that the sender named. Closing it closes the descriptors.
    """

    def __init__(self, received: ReceivedObject) -> None:
        self._received = received
        self.name = received.identity.name
        self.maps: dict[str, Map] = {map.name: Map(map) for map in received.maps}

    def close(self) -> None:
        """Close the descriptors of the maps."""
        self._received.close()

    def __repr__(self) -> str:
        return f"<ReceivedMaps {self.name!r} maps {', '.join(self.maps) or 'none'}>"


@public
def receive_maps(
    path: str | os.PathLike[str], *, timeout: float | None = None, users: Collection[int] = ()
) -> ReceivedMaps:
    """Wait at a Unix socket, which is made for that, until a process exports the maps of an object.

    :meth:`Object.export`, ``pytc filter add ... export PATH`` and tc do. Besides root and this user, ``users`` may
    export, by their numbers. Raises TransferError, also after ``timeout`` seconds.
    """
    with Importer(os.fspath(path), users=users, refused=lambda sentence: log.debug("%s", sentence)) as importer:
        return ReceivedMaps(importer.receive(timeout))
