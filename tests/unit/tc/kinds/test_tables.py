"""The tables of attributes against the kernel's own headers.

A kind whose table ends early cannot restore its objects: an attribute that it does not know may be an option. Kernels
of machines that cannot read 64 bits from any address send paddings, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.netlink.schema import Schema
from pytc.tc.kinds import actions, filters, qdiscs

_HEADERS = Path("/usr/include/linux")
_SCHEMAS = [
    pytest.param(kind.schema, id=name)
    for registry in (actions, filters, qdiscs)
    for name in registry.names()
    if (kind := registry.find(name)) is not None
]


def enumerations() -> Iterator[list[str]]:
    """The names of each enumeration of attributes, in their order."""
    for path in (_HEADERS / "pkt_cls.h", _HEADERS / "pkt_sched.h", *(_HEADERS / "tc_act").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        for body in re.findall(r"enum\s*\w*\s*\{([^}]*)\}", text):
            names = [re.sub(r"\s*=.*", "", part, flags=re.DOTALL).strip() for part in body.split(",")]
            yield [name.replace("_ATTR_", "_") for name in names if re.match(r"TCA_\w+$", name)]


@pytest.mark.skipif(not _HEADERS.is_dir(), reason="no headers of the kernel here")
@pytest.mark.parametrize("schema", _SCHEMAS)
def test_a_table_has_all_attributes_of_the_header(schema: Schema) -> None:
    rows = [name.replace("_ATTR_", "_") for name, *_ in schema.rows]
    for names in enumerations():
        if len(rows) > 2 and {*rows[1:3]} <= {*names}:
            assert rows[: len(names)] == names
