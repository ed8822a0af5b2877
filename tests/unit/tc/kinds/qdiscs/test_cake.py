"""Words of cake whose order counts, with what tc 7.3 sends for them."""

from __future__ import annotations

import pytest

from pytc.errors import UsageError
from pytc.tc.kinds.qdiscs.cake import KIND
from pytc.words.engine import Cursor
from tests.unit.tc.kinds.test_qdiscs import AROUND


@pytest.mark.parametrize(
    "words, sent",
    [
        ("", {}),
        ("bandwidth 0", {"AUTORATE": 0}),
        ("unlimited bandwidth 1mbit", {"BASE_RATE64": 125_000, "AUTORATE": 0}),
        ("bandwidth 1mbit unlimited", {"BASE_RATE64": 0, "AUTORATE": 0}),
        ("autorate-ingress bandwidth 1mbit", {"BASE_RATE64": 125_000, "AUTORATE": 0}),
        ("bandwidth 1mbit autorate-ingress", {"BASE_RATE64": 125_000, "AUTORATE": 1}),
        ("conservative ipoa-vcmux", {"ATM": 1, "OVERHEAD": 56}),
        ("ipoa-vcmux conservative", {"ATM": 1, "OVERHEAD": 48}),
        ("overhead 10 ether-vlan mpu 60 ethernet", {"OVERHEAD": 52, "MPU": 84}),
        ("ethernet mpu 0", {"OVERHEAD": 38}),
        ("ether-vlan raw", {"ATM": 0, "OVERHEAD": 0, "RAW": bytes(4)}),
        ("raw ether-vlan atm", {"ATM": 1, "OVERHEAD": 4, "RAW": bytes(4)}),
        ("rtt 0", {"TARGET": 1}),
        ("lan rtt 5ms", {"RTT": 5000, "TARGET": 250}),
        ("rtt 5ms metro", {"RTT": 10_000, "TARGET": 500}),
        ("rtt 5ms rtt 0", {"TARGET": 1}),
    ],
)
def test_what_is_sent(words: str, sent: dict[str, object]) -> None:
    encoded = KIND.encode(KIND.parse(Cursor(words.split())), AROUND)
    assert encoded is not None
    assert {name.removeprefix("TCA_CAKE_"): value for name, value in encoded} == sent


@pytest.mark.parametrize(("words", "said"), [("lan metro", '"metro": "lan"'), ("rtt 1ms lan lan", '"lan": "lan"')])
def test_two_names_of_round_trips_are_refused(words: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^Error: duplicate {said} is the second value.$"):
        KIND.parse(Cursor(words.split()))
