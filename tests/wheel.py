"""A wheel of this checkout."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.processes import ROOT, must

PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def build_wheel(source: Path) -> Path:
    """Build a wheel from a copy of the checkout in an empty directory; return its path."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("src", "docs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    must(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(source / "dist"), str(source))
    return next((source / "dist").glob("pytc_bpf-*.whl"))
