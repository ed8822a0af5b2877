"""Options of kinds that pytc does not know."""

from pytc.render.documents import Document, Field


def unknown_options(of: str, raw: bytes) -> Document:
    """Their size, as tc says it of kinds that it does not know, and in JSON the bytes themselves."""
    if not raw:
        return ()
    return (Field("optlen", len(raw), f"[Unknown {of}, optlen={len(raw)}] "), Field("raw", raw.hex()))
