"""Sets up links of mininet with parameters of each sort, and prints what the real tc says of them then.

usage: mininet_links.py TC, with mininet's modules and its mnexec in the paths
"""

import sys

from mininet.link import TCLink  # type: ignore[import-not-found]
from mininet.log import setLogLevel  # type: ignore[import-not-found]
from mininet.node import Node  # type: ignore[import-not-found]

PARAMETERS = (
    {"bw": 10},
    {"bw": 5, "delay": "5ms"},
    {"delay": "10ms", "jitter": "1ms", "loss": 2},
    {"bw": 10, "delay": "5ms", "loss": 1, "max_queue_size": 100},
    {"bw": 10, "use_tbf": True},
    {"bw": 10, "use_tbf": True, "latency_ms": 5, "delay": "1ms"},
    {"bw": 10, "use_hfsc": True},
    {"bw": 8, "use_hfsc": True, "delay": "3ms"},
    {"bw": 10, "enable_ecn": True},
    {"bw": 10, "enable_red": True},
    {"bw": 10, "speedup": 20},
    {"loss": 5, "max_queue_size": 50},
)


def main(tc: str) -> None:
    """Print the state of both ends of each link."""
    setLogLevel("error")
    for number, parameters in enumerate(PARAMETERS):
        ends = Node(f"a{number}"), Node(f"b{number}")
        TCLink(*ends, params1=parameters, params2=parameters)
        for end in ends:
            for what in ("qdisc", "class", "filter"):
                device = f"{end.name}-eth0"
                print(number, what, end.cmd(f"{tc} -d {what} show dev {device}").strip())
        for end in ends:
            end.terminate()


if __name__ == "__main__":
    main(sys.argv[1])
