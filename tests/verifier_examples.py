"""Reports about the verifier's examples: ``python -m tests.verifier_examples``, as root, writes them for the docs.

Each example of src/pytc/bpf/verifier/examples has a program ``wrong`` and a program ``right``; NAME.txt beside it is
what pytc says of the wrong one, on Linux 6.18 with clang 14.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pytc.bpf import ProgramType, load, read_object, select_program
from pytc.errors import VerifierError
from tests.conftest import VERIFIER, Compiler

EXAMPLES = VERIFIER / "examples"
NAMES = tuple(path.stem for path in sorted(EXAMPLES.glob("*.c")))


def refusal(path: str, name: str = "wrong") -> VerifierError | None:
    """Return the error that loading a program of an object ends with; None where the kernel takes it."""
    spec = read_object(path).unpinned()
    chosen = select_program(spec, program=name)
    try:
        load(spec, chosen, type=chosen.type or ProgramType.SCHED_CLS).close()
    except VerifierError as error:
        return error
    return None


def report(error: VerifierError) -> str:
    """Return the text of a report, without the directory of the source and where there is more."""
    lines = str(error).replace(f"{EXAMPLES}/", "").splitlines()
    return "".join(f"{line}\n" for line in lines if not line.startswith("  More: "))


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        build = Compiler(Path(directory))
        for name in NAMES:
            error = refusal(build(f"examples/{name}", loads=False))
            if error is None:
                sys.stderr.write(f"{name}: this kernel takes it\n")
            else:
                (EXAMPLES / f"{name}.txt").write_text(report(error))


if __name__ == "__main__":
    main()
