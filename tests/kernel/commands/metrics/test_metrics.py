"""``pytc metrics``, read by the parsers of the Prometheus client."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import EXAMPLES
from tests.network import Network
from tests.processes import PYTC

pytestmark = pytest.mark.kernel

read_openmetrics = pytest.importorskip("prometheus_client.openmetrics.parser").text_string_to_metric_families
read_text = pytest.importorskip("prometheus_client.parser").text_string_to_metric_families


@pytest.fixture
def furnished(network: Network) -> Network:
    for line in (
        "qdisc add dev em1 clsact",
        "qdisc add dev em1 root handle 1: htb default 10",
        "class add dev em1 parent 1: classid 1:10 htb rate 100mbit",
        f"filter add dev em1 ingress pref 7 bpf da obj {EXAMPLES}/traffic.o owner web",
        "filter add dev em1 egress pref 8 u32 match u32 0 0 action mirred egress mirror dev lo index 77",
    ):
        network.ok(*line.split())
    assert network.ping(count=3)
    return network


def samples(families: Iterable[Any], name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
    """Return (labels, value) of the samples with a name and labels."""
    return [
        (sample.labels, sample.value)
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def test_openmetrics_has_what_tc_counts(furnished: Network) -> None:
    families = [*read_openmetrics(furnished.ok("metrics", "map", "protocols"))]
    ((_, packets),) = samples(families, "pytc_class_packets_total", device="em1", classid="1:10")
    assert packets >= 3
    ((_, packets),) = samples(families, "pytc_qdisc_packets_total", device="em1", kind="htb", parent="root")
    assert packets >= 3
    ((_, packets),) = samples(families, "pytc_action_packets_total", kind="mirred", index="77")
    assert packets >= 3
    assert samples(families, "pytc_filters", device="em1", parent="egress", kind="u32")[0][1] == 1
    ((labels, _),) = samples(families, "pytc_filter_program", device="em1", parent="ingress", owner="web", pref="7")
    number = labels["id"]
    assert samples(families, "pytc_program_runs_total", id=number, type="sched_cls")


def test_maps_have_their_fill_level_and_values(furnished: Network) -> None:
    furnished.execute("ip", "link", "set", "em1", "down")  # neighbour discovery would go on counting
    (shown,) = (one for one in furnished.json("filter", "show", "dev", "em1", "ingress") if "options" in one)
    number = shown["options"]["prog"]["id"]
    (about,) = furnished.json("prog", "show", "id", str(number))
    (map_id,) = (
        one for one in about["map_ids"] if furnished.json("map", "show", "id", str(one))[0]["name"] == "protocols"
    )
    listed = furnished.json("map", "dump", "id", str(map_id))
    families = [*read_openmetrics(furnished.ok("metrics", "map", "protocols"))]
    assert samples(families, "pytc_map_entries", id=str(map_id))[0][1] == len(listed) > 0
    values = samples(families, "pytc_map_value", id=str(map_id))
    assert {labels["key"] for labels, _ in values} == {str(one["key"]) for one in listed}
    assert sum(value for _, value in values) > 0
    assert not samples(read_openmetrics(furnished.ok("metrics")), "pytc_map_value")


def test_a_textfile_is_prometheus_text(furnished: Network, tmp_path: Path) -> None:
    path = tmp_path / "pytc.prom"
    assert furnished.ok("metrics", "textfile", str(path)) == ""
    assert samples(read_text(path.read_text()), "pytc_class_packets_total", classid="1:10")[0][1] >= 3
    refused = furnished.pytc("metrics", "textfile", f"{tmp_path}/none/pytc.prom")
    assert refused.status and "cannot write" in refused.err


def test_a_server_answers_with_what_is_so_now(furnished: Network) -> None:
    """In the namespace of its command, whatever thread answers; until a signal comes."""
    words = [*PYTC, "-n", furnished.name, "metrics", "serve", "127.0.0.1:0"]
    server = subprocess.Popen(words, env={**os.environ, **furnished.env}, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        address = server.stderr.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        script = f"import urllib.request, sys; sys.stdout.write(urllib.request.urlopen({address!r}).read().decode())"
        counts = []
        for _ in range(2):
            done = furnished.execute("python3", "-c", script)
            assert done.status == 0, done.err
            counts += [value for _, value in samples(read_text(done.out), "pytc_class_packets_total", classid="1:10")]
            assert furnished.ping()
        assert counts[0] < counts[1]
        server.terminate()
        assert server.wait(60) != 0
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("address", ["9090", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", ":²"])
def test_an_address_has_a_port(network: Network, address: str) -> None:
    refused = network.pytc("metrics", "serve", address)
    assert refused.status == 255 and "is not ADDRESS:PORT" in refused.err


def test_json_is_refused(network: Network) -> None:
    assert "no JSON" in network.pytc("metrics", options=("-j",)).err


def test_without_the_library_it_is_named(network: Network, tmp_path: Path) -> None:
    (tmp_path / "prometheus_client.py").write_text("raise ImportError")
    refused = network.pytc("metrics", env={"PYTHONPATH": f"{tmp_path}:{network.env['PYTHONPATH']}"})
    assert refused.status and "prometheus-client" in refused.err
