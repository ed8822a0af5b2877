"""Write the golden record: ``python -m tests.golden [--into DIRECTORY] [NAME ...]``, as root.

A NAME is that of a table in tests/compat/lines, or of a file in tests/golden/commands; all without one.
"""

from __future__ import annotations

from tests.golden.pytc_process import ROOT, Runner, record_sockets

record_sockets()  # before anything imports the module socket

import argparse  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402

from tests.compat.lines import all_sessions, sessions  # noqa: E402
from tests.golden import kernel, machine  # noqa: E402
from tests.golden.scripts import COMMANDS, script_record  # noqa: E402
from tests.golden.tables import table_record  # noqa: E402

RECORDS = Path(__file__).parent / "records"
LINES = ROOT / "tests" / "compat" / "lines"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("--into", type=Path, default=RECORDS, help="a directory for KERNEL/NAME.txt")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    with machine.entered():
        write(arguments.into.resolve() / kernel.version(), arguments.names)


def write(directory: Path, names: list[str]) -> None:
    """Writes the records with these names, all without a name, and what the machine lacks."""
    machine.renew()
    directory.mkdir(parents=True, exist_ok=True)
    kinds = {kind for session in all_sessions() for kind in session.of_the_kernel}
    (directory / "lacks").write_text("".join(f"{name}\n" for name in kernel.missing(kinds, "em1")))
    runner = Runner()
    for name, record in _records(runner).items():
        if not names or name in names:
            (directory / f"{name}.txt").write_text("".join(f"{line}\n" for line in record()))


def _records(runner: Runner) -> dict[str, Callable[[], Iterator[str]]]:
    tables = {
        f"{name}-{path.stem}": partial(table_record, runner, path.stem, elsewhere=elsewhere)
        for name, elsewhere in (("lines", False), ("kinds", True))
        for path in sorted(LINES.glob("*.txt"))
        if any(session.elsewhere == elsewhere for session in sessions(path.stem))
    }
    scripts = {path.stem: partial(script_record, runner, path) for path in sorted(COMMANDS.glob("*.txt"))}
    return {**tables, **scripts}


if __name__ == "__main__":
    main()
