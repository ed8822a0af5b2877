"""docs/session.svg: a terminal in which real commands have run, as root: ``python -m docs.manual.session``.

The kernel's ids and times differ from run to run, so no test compares the picture; one holds its commands to those that
README shows as text.
"""

import html
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pytc.netns_pair import NetnsPair

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "session.svg"
#: What is shown; {object} is an object file whose program forgets to look for NULL.
COMMANDS = (
    "pytc --create-clsact filter add dev em1 ingress bpf da obj examples/bpf/traffic.o",
    "pytc filter show dev em1 ingress",
    "ping -q -c 3 10.9.0.2",
    "pytc map dump name protocols",
    "pytc filter add dev em1 egress bpf da obj wrong.o sec tc/ingress",
    'pytc prog run obj examples/bpf/traffic.o sec drop packet "ip icmp type 8" expect OK',
)
_COLUMNS, _MOST_LINES = 100, 15
_WIDTH, _HEIGHT, _MARGIN = 8.43, 19, 16
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_CLASSES = {
    "1": "b",
    "31": "r",
    "1;31": "r b",
    "32": "g",
    "1;32": "g b",
    "1;33": "y b",
    "1;35": "m b",
    "1;36": "c b",
}
_STYLE = (
    "text{font:14px ui-monospace,Menlo,Consolas,monospace;fill:#d8dee9;white-space:pre}"
    ".b{font-weight:bold}.r{fill:#ff7b72}.g{fill:#7ee787}.y{fill:#f2cc60}.m{fill:#d2a8ff}.c{fill:#79c0ff}.p{fill:#8b949e}"
)


def main() -> int:
    """Run the commands in a network namespace and a bpffs of their own, and write the picture."""
    network = NetnsPair(f"pytc-session-{os.getpid()}")
    with tempfile.TemporaryDirectory() as directory:
        source = re.search(r"^```c\n(/\* wrong\.c \*/\n.*?)^```$", (ROOT / "docs/tutorial.md").read_text(), re.M | re.S)
        assert source is not None
        (Path(directory) / "wrong.c").write_text(source[1])
        include = f"-I/usr/include/{os.uname().machine}-linux-gnu"
        compiler = ["clang", "-O2", "-g", "-target", "bpf", include, "-c", "wrong.c", "-o", "wrong.o"]
        subprocess.run(compiler, check=True, cwd=directory, timeout=60)
        (Path(directory) / "examples").symlink_to(ROOT / "examples")
        network.make()
        try:
            lines = [line for command in COMMANDS for line in _session(network, command, directory)]
        finally:
            network.remove()
    TARGET.write_text(picture(lines))
    return 0


def _session(network: NetnsPair, command: str, directory: str) -> list[str]:
    """Return the lines of a command: itself, and what it prints."""
    output = _run(network, command, directory)
    if several := re.search(r"there are \d+ maps .*, with the ids ([\d ]+):", output):  # other people's
        newest = max(several[1].split(), key=int)
        output = _run(network, re.sub(r" name \w+", f" id {newest}", command), directory)
    printed = [line for line in output.splitlines() if line.strip()]
    wrapped = [part for line in printed for part in _wrapped(line)]
    if len(wrapped) > _MOST_LINES:
        wrapped = [*wrapped[: _MOST_LINES - 1], "\x1b[2m  ...\x1b[0m"]
    return ["", f"\x1b[1m$ {command}\x1b[0m", *wrapped]


def _run(network: NetnsPair, command: str, directory: str) -> str:
    """Return what a command prints, with colours."""
    colored = command.replace("pytc ", f"{sys.executable} -m pytc -color=always ", 1)
    words = ["ip", "netns", "exec", network.near, "sh", "-c", f"mount -t bpf bpf /sys/fs/bpf; {colored}"]
    environment = {**os.environ, "COLORFGBG": "15;0", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=directory, env=environment, timeout=60, check=False
    )
    return done.stdout + done.stderr.replace(f"{directory}/", "")


def _wrapped(line: str) -> list[str]:
    """Return a line in parts as a terminal shows it, each closing the colour that it opens."""
    parts, column, color, part = [], 0, "", ""
    for token in re.findall(r"\x1b\[[0-9;]*m|.", line):
        if token.startswith("\x1b"):
            color = "" if token == "\x1b[0m" else token
            part += token
            continue
        if column == _COLUMNS:
            parts.append(part + ("\x1b[0m" if color else ""))
            part, column = color, 0
        part, column = part + token, column + 1
    return [*parts, part]


def picture(lines: list[str]) -> str:
    """Return lines with SGR sequences as an SVG image."""
    width, height = round(_COLUMNS * _WIDTH + 2 * _MARGIN), len(lines) * _HEIGHT + 2 * _MARGIN
    texts = "".join(
        f'<text x="{_MARGIN}" y="{_MARGIN + (number + 1) * _HEIGHT - 5}" xml:space="preserve">{_spans(line)}</text>\n'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="A session with pytc">\n<style>{_STYLE}</style>\n'
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n{texts}</svg>\n'
    )


def _spans(line: str) -> str:
    text, style, at = "", "", 0
    for match in [*_SGR.finditer(line), None]:
        end = match.start() if match is not None else len(line)
        if end > at:
            piece = html.escape(line[at:end])
            text += f'<tspan class="{style}">{piece}</tspan>' if style else piece
        if match is not None:
            style, at = _CLASSES.get(match[1], "p" if match[1] == "2" else ""), match.end()
    return text


if __name__ == "__main__":
    sys.exit(main())
