"""Documents to text or JSON: pure functions, and the only places that know formats."""

from __future__ import annotations

#: How many documents make a piece of output: a list may be long, and none of them is kept.
GROUP = 128
