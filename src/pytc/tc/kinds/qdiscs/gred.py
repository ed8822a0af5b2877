"""The ``gred`` qdisc: random early detection in up to 16 virtual queues (include/uapi/linux/pkt_sched.h,
net/sched/sch_gred.c). It is set up first, and then each virtual queue is, by a change."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.netlink import constants as c
from pytc.netlink.schema import Schema, join_attributes, split_attributes
from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds.declaration import (
    NUMBER,
    ON,
    SIZE,
    U8,
    U32,
    Declared,
    Form,
    Option,
    Wire,
    encoder,
    read_values,
    rows,
    word_table,
)
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import Options, qdisc
from pytc.tc.kinds.shared import red
from pytc.tc.kinds.shared.fields import number, size
from pytc.tc.kinds.shared.ratespec import NARROW_RATE, narrow_bytes_per_second
from pytc.tc.rates import format_size
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytc.netlink.schema import Type
    from pytc.render.documents import Document, Part
    from pytc.tc.kinds.interface import Encoded, QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.words.engine import Cursor

#: MAX_DPs.
_MOST = 16
_TOO_MANY = f"GRED: only {_MOST} VQs are currently supported"
_TOPIC = "qdisc gred"
#: struct tc_gred_qopt.
_QUEUE = Layout(
    "10I4B2I",
    "limit min max vq backlog qave forced early other pdrop Wlog Plog Scell_log prio packets bytesin",
)
#: struct tc_gred_sopt.
_SETUP = Layout("2I2B2x", "vqs default grio flags")
_CHANCES = struct.Struct(f"={_MOST}I")
#: TCA_GRED_VQ_ENTRY, TCA_GRED_VQ_DP and TCA_GRED_VQ_FLAGS.
_ENTRY, _ENTRY_QUEUE, _ENTRY_FLAGS = 1, 2, 12
_ENTRIES = Schema(
    ("", "none"),
    ("PAD", "none"),
    ("DP", "uint32"),
    ("STAT_BYTES", "uint64"),
    *rows("uint32", "STAT_PACKETS STAT_BACKLOG PROB_DROP PROB_MARK FORCED_DROP FORCED_MARK PDROP OTHER FLAGS"),
)
_PACKETS = NUMBER._replace(name="PACKETS")


def _number_below(limit: int) -> Form:
    def convert(word: str) -> int:
        value: int = unsigned(U32)(word)
        if value > limit:
            raise InvalidOptionsError(_TOO_MANY, hints=(f'the number is "{word}"',))
        return value

    return Form("NUMBER", convert)


def _late_setup(cursor: Cursor) -> None:
    raise InvalidOptionsError('Illegal "setup"', hints=('"setup" is the first word',))


def _check_setup(values: Values) -> None:
    if "default" in values and (not values.get("vqs") or [*values].index("default") < [*values].index("vqs")):
        raise InvalidOptionsError('"default" must be defined after "vqs"')
    if not values.get("vqs") or "default" not in values:
        raise InvalidOptionsError("Illegal gred setup parameters", hints=('"vqs" and "default" are required',))
    if values["default"] >= values["vqs"]:
        raise InvalidOptionsError('"default" must be less than "vqs"', hints=(f"there are {values['vqs']}, from 0 on",))


def _complete_setup(values: Values, env: QdiscEnv) -> None:
    values["DPS"] = _SETUP.pack({**values, "flags": _flags(values)})


def _check_queue(values: Values) -> None:
    if "vq" not in values or not all(values.get(name) for name in ("limit", "min", "max", "avpkt")):
        raise InvalidOptionsError("Required parameter (vq, limit, min, max, avpkt) is missing")
    low, high, packet = values["min"], values["max"], values["avpkt"]
    values["burst"] = values.get("burst") or (2 * low + high & U32) // (3 * packet & U32)
    red.logarithms("GRED", values, packet)


def _complete_queue(values: Values, env: QdiscEnv) -> None:
    rate = narrow_bytes_per_second(values.get("bandwidth", 0), env, "bandwidth") or red.DEFAULT_RATE
    red.idle_table(values, values["avpkt"], rate, env.clock)
    entry = [(_ENTRY_QUEUE, struct.pack("=I", values["vq"])), (_ENTRY_FLAGS, struct.pack("=I", _flags(values)))]
    values.update(
        PARMS=_QUEUE.pack(values),
        MAX_P=struct.pack("=I", values["MAX_P"]),
        VQ_LIST=join_attributes([(_ENTRY, join_attributes(entry))]),
    )


def _flags(values: Mapping[str, Any]) -> int:
    return (red.ECN if values.get("ecn") else 0) | (red.HARDDROP if values.get("harddrop") else 0)


_ECN = Option("ecn", "ecn", ON, "mark packets where it is possible, in place of dropping them")
_HARDDROP = Option("harddrop", "harddrop", ON, "drop what is above max, also with ecn")
_NEW = Declared(
    options=(
        Option("vqs", "vqs", _number_below(_MOST), "how many virtual queues there are, up to 16", required=True),
        Option("DPs", "vqs", _number_below(_MOST)),
        Option("default", "default", NUMBER, "the one for packets that no filter classifies", required=True),
        Option("grio", "grio", ON, "a virtual queue also counts what waits in those of a lower prio"),
        Option("limit", "LIMIT", SIZE, "how many bytes may wait {the txqueuelen of the device, in packets}", omit=0),
        _ECN,
        _HARDDROP,
    ),
    sent="DPS LIMIT",
    check=_check_setup,
    complete=_complete_setup,
)
_QUEUE_OPTIONS = (
    Option("vq", "vq", _number_below(_MOST - 1), "the virtual queue, from 0 on", required=True),
    Option("DP", "vq", _number_below(_MOST - 1)),
    Option("prio", "prio", Form("NUMBER", unsigned(U8, 10)), "of the virtual queue, for grio {0}"),
    Option("limit", "limit", SIZE, "how many bytes may wait", required=True),
    Option("min", "min", SIZE, "the average length of the queue from which on packets are marked", required=True),
    Option("max", "max", SIZE, "the average length at which most packets are marked", required=True),
    Option("avpkt", "avpkt", SIZE, "the size of an average packet", required=True),
    Option("burst", "burst", _PACKETS, "how many packets may burst {(2 * min + max) / (3 * avpkt)}"),
    Option("probability", "probability", red.PROBABILITY, "of marking at max, 0 to 1 {0.02}"),
    Option("bandwidth", "bandwidth", NARROW_RATE, "of the device, for the average after idle times {10mbit}"),
    _ECN,
    _HARDDROP,
)


def _parse(cursor: Cursor) -> Options:
    """Return the options of a setup, or of a virtual queue."""
    if cursor.done:
        raise InvalidOptionsError(
            "Required parameter (setup, vq) is missing", hints=('"pytc qdisc add gred help" lists the options',)
        )
    if cursor.peek() == "setup":
        cursor.take()
        return Options(read_values(cursor, word_table(_NEW), _NEW, _TOPIC))
    return Options(read_values(cursor, word_table(_VIRTUAL_QUEUE), _VIRTUAL_QUEUE, _TOPIC))


def _encode(options: Options, env: QdiscEnv) -> Encoded:
    return (_encode_setup if "vqs" in options.values else _encode_queue)(options.values, env)


def _request_flags(options: Options) -> int:
    """Return NLM_F_CREATE for a setup: as with tc, a change makes the qdisc where there is none."""
    return c.CREATE if "vqs" in options.values else 0


def _show(values: Values, view: View) -> list[Part]:
    if "DPS" not in values or len(values.get("PARMS", b"")) < _QUEUE.size * _MOST:
        return []
    setup = _SETUP.unpack(values["DPS"])
    fields: list[Part] = [
        Field("dp_cnt", setup["vqs"], f"vqs {setup['vqs']} "),
        Field("dp_default", setup["default"], f"default {setup['default']} "),
        Field("grio", bool(setup["grio"]), "grio " if setup["grio"] else ""),
    ]
    if "LIMIT" in values:
        fields.append(size("limit", values["LIMIT"]))
    fields += red.flag_fields(setup["flags"])
    chances = values.get("MAX_P", b"")
    share = _CHANCES.unpack(chances) if len(chances) >= _CHANCES.size else None
    entries = _entries(values["VQ_LIST"]) if "VQ_LIST" in values else None
    queues: list[Document] = []
    for index in range(_MOST):
        queue = _QUEUE.unpack(values["PARMS"][index * _QUEUE.size :])
        if queue["vq"] < _MOST:
            entry = entries.get(index, {}) if entries is not None else None
            queues.append(_show_queue(queue, entry, None if share is None else share[index], view))
    return [*fields, ArrayField("vqs", queues)]


def _entries(raw: bytes) -> dict[int, Mapping[str, Any]]:
    """Return the attributes of virtual queues by their number."""
    entries = (_ENTRIES.decode(payload) for number, payload in split_attributes(raw) if number == _ENTRY)
    return {entry["DP"]: entry for entry in entries if "DP" in entry}


def _show_queue(queue: Values, entry: Mapping[str, Any] | None, chance: int | None, view: View) -> list[Field]:
    """Return a virtual queue; ``entry`` is None, and so is ``chance``, where the kernel is too old to send them."""
    fields = [
        Field("vq", queue["vq"], f"\n vq {queue['vq']} "),
        number("prio", queue["prio"]),
        *(size(name, queue[name]) for name in ("limit", "min", "max")),
    ]
    if entry is not None and "FLAGS" in entry:
        fields += red.flag_fields(entry["FLAGS"])
    if view.display.details:
        fields += [*red.detail_fields(queue, chance), Field("", text=" ")]
    return fields + _statistics(queue, entry) if view.display.statistics else fields


def _statistics(queue: Values, entry: Mapping[str, Any] | None) -> list[Field]:
    if entry is None:
        dropped = (queue["forced"], queue["early"], queue["pdrop"], queue["other"])
        sent = queue["bytesin"]
    else:
        dropped = tuple(entry.get(name, 0) for name in ("FORCED_DROP", "PROB_DROP", "PDROP", "OTHER"))
        sent = entry.get("STAT_BYTES", 0)
    average, current = queue["qave"], queue["backlog"]
    fields = [
        Field("qave", average, f"\n  Queue size: average {format_size(average)} "),
        Field("backlog", current, f"current {format_size(current)} "),
        Field("forced_drop", dropped[0], f"\n  Dropped packets: forced {dropped[0]} "),
        Field("prob_drop", dropped[1], f"early {dropped[1]} "),
        number("pdrop", dropped[2]),
        number("other", dropped[3]),
    ]
    if entry is not None:
        forced, early = entry.get("FORCED_MARK", 0), entry.get("PROB_MARK", 0)
        fields += [
            Field("forced_mark", forced, f"\n  Marked packets: forced {forced} "),
            Field("prob_mark", early, f"early {early} "),
        ]
    return [
        *fields,
        Field("packets", queue["packets"], f"\n  Total packets: {queue['packets']} "),
        Field("bytes", sent, f"({format_size(sent)}) "),
    ]


_VIRTUAL_QUEUE = Declared(
    options=(*_QUEUE_OPTIONS, Option("setup", "setup", Form(read=_late_setup))),
    sent="PARMS STAB MAX_P VQ_LIST",
    shown=(_show,),
    check=_check_queue,
    complete=_complete_queue,
)
_ATTRIBUTES: tuple[tuple[str, Type], ...] = (
    ("PARMS", "cdata"),
    ("STAB", "cdata"),
    ("DPS", "cdata"),
    ("MAX_P", "cdata"),
    ("LIMIT", "uint32"),
    ("VQ_LIST", "cdata"),
)
_WIRE = Wire("TCA_GRED", _ATTRIBUTES, None)
_encode_setup, _encode_queue = encoder(_NEW, _WIRE), encoder(_VIRTUAL_QUEUE, _WIRE)


def _usage() -> str:
    from pytc.tc.kinds.shared.help import usage_text

    setup, queues = usage_text("gred setup", _NEW.options), usage_text("gred", _QUEUE_OPTIONS)
    return f"{setup}\nThen, for each virtual queue:\n{queues}"


KIND = qdisc("gred", _VIRTUAL_QUEUE, prefix="TCA_GRED", attributes=_ATTRIBUTES).replace(
    parse=_parse,
    encode=_encode,
    usage=_usage,
    flags=_request_flags,
)
