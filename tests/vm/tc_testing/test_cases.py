"""Whatever the newest tc passes of the kernel's own tests of tc, pytc passes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.twins import Sides, sides
from tests.vm.tc_testing.cases import Runner, read_cases, without

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(3000)]
_DIRECTORY = Path(os.environ.get("PYTC_TC_TESTING") or "/nonexistent")
#: Tests of another kernel, which need not run once more.
_ELSEWHERE = Path(os.environ.get("PYTC_TC_TESTING_ELSEWHERE") or "/nonexistent")
FILES = sorted((_DIRECTORY / "tc-tests").glob("**/*.json"))


@pytest.fixture(scope="module")
def both() -> Iterator[Sides]:
    with sides() as made:
        yield made


@pytest.mark.skipif(not FILES, reason='"make tc-testing" unpacks the kernel\'s tests of tc, and runs these')
@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}-{path.stem}" for path in FILES])
def test_pytc_passes_what_tc_passes(both: Sides, path: Path) -> None:
    by_tc, by_pytc = Runner(both.tc, _DIRECTORY, is_pytc=False), Runner(both.pytc, _DIRECTORY, is_pytc=True)
    cases = read_cases(_DIRECTORY, path)
    elsewhere = _ELSEWHERE / path.relative_to(_DIRECTORY)
    if elsewhere.exists() and not (cases := without(cases, read_cases(_ELSEWHERE, elsewhere))):
        pytest.skip("all cases are the same as those of the newer kernel")
    of_tc = {case.id: by_tc.problem(case) for case in cases}
    of_pytc = {case.id: by_pytc.problem(case) for case in cases}
    passed_by_tc, passed_by_pytc = (sum(not problem for problem in of.values()) for of in (of_tc, of_pytc))
    print(
        f"tc-testing {path.parent.name}/{path.stem}: {len(cases)} tc {passed_by_tc} pytc {passed_by_pytc}", flush=True
    )
    for name, problem in of_tc.items():
        if problem and of_pytc[name]:
            print(f"tc-testing {name}, neither passes: {' '.join(problem.split())[:300]}", flush=True)
    lost = [f"{name}: {problem}" for name, problem in of_pytc.items() if problem and not of_tc[name]]
    assert not lost, "\n".join(lost)
