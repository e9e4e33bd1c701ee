"""Which Python a fresh machine sets itself up with, and what it hears where it has none that will do."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tests.support.run import ran

ROOT = Path(__file__).parents[2]
_PYTHON = """\
#!/bin/sh
exec {real} -c 'import sys; sys.version_info = ({version}, 0); exec(sys.argv[1])' "$2"
"""


def make(only: Path, version: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make where no other Python is than one that says it is of this version."""
    python = only / "python3"
    python.write_text(_PYTHON.format(real=sys.executable, version=version.replace(".", ", ")))
    python.chmod(0o755)
    command = ["/usr/bin/make", "-s", f"VENV={only / 'venv'}", *words]
    return ran(*command, cwd=ROOT, env={"PATH": str(only)})


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_make_takes_the_pythons_that_the_agent_may_be_installed_on(tmp_path: Path, version: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    may = f"{version}.1" in SpecifierSet(project["requires-python"])

    done = make(tmp_path, version, '--eval=which: ; @echo "$(PYTHON)"', "which")

    assert done.stdout.strip() == ("python3" if may else "")
    assert may == (f"Programming Language :: Python :: {version}" in project["classifiers"])


def test_where_no_python_will_do_the_setup_says_which_one_would(tmp_path: Path) -> None:
    done = make(tmp_path, "3.12", "setup")

    assert done.returncode != 0
    assert "needs Python 3.11 or 3.13" in done.stdout
    assert not (tmp_path / "venv").exists()
