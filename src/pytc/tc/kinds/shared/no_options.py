"""Parser, encoder and document of kinds without options."""

from collections.abc import Callable
from typing import Any

from pytc.netlink.schema import Attributes
from pytc.render.documents import Display, Document
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv
from pytc.words.engine import Cursor, read_options


def nothing_to_parse(kind: str, unknown: str = 'What is "{}"?') -> Callable[[Cursor], None]:
    """Return a parser that raises InvalidOptionsError for any word, HelpRequested for ``help``; ``unknown`` is tc's
    message."""

    def parse(cursor: Cursor) -> None:
        read_options(cursor, (), f"qdisc {kind}", unknown=unknown)

    return parse


def encode_nothing(options: Any, env: QdiscEnv) -> None:
    """Return None, for no TCA_OPTIONS at all."""


def no_document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return an empty document."""
    return ()
