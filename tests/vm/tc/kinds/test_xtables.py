"""Actions with targets of iptables, as another program has added them."""

from __future__ import annotations

import json
import socket
import struct

import pytest

from pytc.netlink.schema import join_attributes
from tests.processes import pytc_here, run
from tests.toolchains import old_tc
from tests.vm.twins import new_network, tc
from tests.waiting import until
from tests.xtables_plugins import plugin_directory

pytestmark = pytest.mark.kernel

_NEW_ACTION, _REQUEST, _ACK, _CREATE, _ERROR = 48, 1, 4, 0x400, 2
_POST_ROUTING = 4
#: struct xt_entry_target, and struct xt_mark_tginfo2: a mark and its mask.
_MARK = struct.pack("=H29sBII", 40, b"MARK", 2, 5, 0xFF)


@pytest.mark.needs("action:xt", "filter:matchall")
def test_actions_of_other_programs_are_shown_and_bound() -> None:
    new_network()
    options = join_attributes(
        [
            (1, b"mangle\0"),
            (2, struct.pack("=I", _POST_ROUTING)),
            (3, struct.pack("=I", 7)),
            (6, _MARK),
        ]
    )
    error = _add(join_attributes([(1, join_attributes([(1, b"xt\0"), (2, options)]))]))
    if error:
        pytest.skip(f"this kernel has no target MARK: {error}")
    shown = pytc_here("actions", "get", "action", "xt", "index", "7")
    assert "tablename: mangle  hook: NF_IP_POST_ROUTING\n\ttarget MARK revision 2 options 05000000ff000000" in shown.out
    assert "\tindex 7 ref 1 bind 0\n" in shown.out
    assert pytc_here(*"filter add dev em1 egress matchall action xt index 7".split()).status == 0
    [_, listed] = json.loads(pytc_here("-j", "actions", "ls", "action", "xt").out)
    [action] = listed["actions"]
    assert (action["target"], action["index"], action["bind"]) == ("MARK", 7, 1)
    assert "target MARK" in pytc_here("filter", "show", "dev", "em1", "egress").out
    assert pytc_here("filter", "del", "dev", "em1", "egress").status == 0
    # the kernel releases the action of a filter a moment later
    until(lambda: pytc_here("actions", "del", "action", "xt", "index", "7").status == 0, "the action is deleted")


@pytest.mark.needs("action:xt", "filter:matchall", "old_tc")
def test_words_of_a_target_are_those_of_tc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel has the same of both, and what the plugin says of it is what tc prints."""
    monkeypatch.setenv("XTABLES_LIBDIR", plugin_directory())
    new_network()
    words = "-j MARK --set-mark 5"
    if run(old_tc(), *f"actions add action xt {words} index 7".split()).status:
        pytest.skip("this kernel, or this tc, has no target MARK")
    done = pytc_here(*f"actions add action xt {words} index 8".split())
    assert done.status == 0, done.err
    theirs, mine = (pytc_here("actions", "get", "action", "xt", "index", number).out for number in "78")
    assert mine == theirs.replace("index 7", "index 8")
    assert "MARK set 0x5" in mine
    shown = run(old_tc(), "actions", "get", "action", "xt", "index", "8").out
    assert mine.split() == shown.split()
    assert pytc_here(*f"filter add dev em1 egress matchall action xt {words}".split()).status == 0


@pytest.mark.needs("qdisc:prio", "filter:basic", "old_tc")
@pytest.mark.parametrize("words", ["-m policy --dir in --pol ipsec", "-6 -m addrtype --dst-type LOCAL"])
def test_words_of_a_match_are_those_of_tc(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """The kernel has the same of both; the tc is that of the plugins' release, because the newest crashes with them."""
    monkeypatch.setenv("XTABLES_LIBDIR", plugin_directory())
    new_network()
    assert tc(*"qdisc add dev em1 root handle 1: prio".split()).status == 0
    line = ("filter", "add", "dev", "em1", "parent", "1:", "protocol", "ip", "pref")
    match = ("basic", "match", f"ipt({words})", "classid", "1:1")
    if run(old_tc(), *line, "1", *match).status:
        pytest.skip("this kernel, or this tc, has no such match")
    done = pytc_here(*line, "2", *match)
    assert done.status == 0, done.err
    theirs, mine = (pytc_here("filter", "show", "dev", "em1", "pref", number).out for number in "12")
    assert mine.replace("pref 2", "pref 1") == theirs
    assert f"-m {words.split('-m ')[1].split(maxsplit=1)[0]}" in mine


def _add(table: bytes) -> int:
    """Return the errno of a request for these actions."""
    body = bytes(4) + join_attributes([(1, table)])
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as opened:
        opened.send(struct.pack("=IHHII", 16 + len(body), _NEW_ACTION, _REQUEST | _ACK | _CREATE, 1, 0) + body)
        while True:
            reply = opened.recv(1 << 16)
            if struct.unpack_from("=H", reply, 4)[0] == _ERROR:
                return -int(struct.unpack_from("=i", reply, 16)[0])
