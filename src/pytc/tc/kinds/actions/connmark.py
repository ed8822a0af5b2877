"""The ``connmark`` action: a packet gets the mark of its connection (tc-connmark(8);
include/uapi/linux/tc_act/tc_connmark.h)."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U16, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.words.engine import unsigned

_ZONE = Form("ZONE", unsigned(U16, 10), lambda key, number, display: Field(key, number, f"{key} {number}"))

KIND = action(
    "connmark",
    Declared(
        (
            Option(
                "zone",
                "zone",
                _ZONE,
                "the zone of connection tracking that the connection is looked for in {0}",
                wrong='connmark: Illegal "zone" {}',
            ),
        ),
        "PARMS",
        ("zone", show_control(), show_closing()),
        exact=False,
        notes="Sets the packet's mark to that of its connection. CONTROL is {pipe}.",
    ),
    prefix="TCA_CONNMARK",
    attributes=(("PARMS", parameters("H2x", "zone")), ("TM", "cdata"), ("PAD", "cdata")),
    bare=True,
    restoration=Restoration(replaces=True),
)
