"""``pytc metrics serve``: metrics for a Prometheus that asks, until a signal comes."""

from __future__ import annotations

from pytc.commands.metrics.families import registry
from pytc.commands.metrics.words import take_maps
from pytc.commands.shared.command import Command
from pytc.errors import PytcError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc metrics serve ADDRESS:PORT [ map NAME ] ...

Answers each HTTP request with all metrics, read at that moment. ADDRESS may be left out for all addresses; an IPv6
address stands in brackets.
"""
_HIGHEST_PORT = 65535


class ServeMetrics(Command):
    """A request to answer at an address."""

    address: str
    port: int
    maps: tuple[str, ...] = ()


def parse(cursor: Cursor) -> ServeMetrics:
    """Return the command; raises UsageError, HelpRequested."""
    word = cursor.take()
    address, colon, port = word.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise UsageError(f'Error: "{word}" is not ADDRESS:PORT')
    return ServeMetrics(address.strip("[]"), int(port), take_maps(cursor, "metrics serve"))


def run(context: Context, command: ServeMetrics) -> None:
    """Serve until a signal comes; raises PytcError where nothing can listen at the address."""
    from threading import Event

    metrics = registry(command.maps)
    from prometheus_client import start_http_server

    try:
        server, _ = start_http_server(command.port, command.address or "0.0.0.0", metrics)
    except OSError as error:
        raise PytcError(f"cannot listen at port {command.port}: {error.strerror}", errno=error.errno) from error
    context.say(f"Note: metrics are at http://{command.address or 'localhost'}:{server.server_port}/metrics")
    try:
        Event().wait()
    finally:
        server.shutdown()
        server.server_close()
