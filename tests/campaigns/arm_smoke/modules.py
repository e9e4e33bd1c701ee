"""Which modules the agent needs: every one of its own, and every one that any of them imports, at once or later."""

import ast
import csv
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

OWN = "agent"
ELSEWHERE = {
    "tflite_runtime": "the 32-bit package's",
    "hailo_platform": "of Raspberry Pi OS, with the Hailo's driver",
}
"""What the agent imports and the 64-bit package does not hold, on purpose. (picamera2 is Debian's, and asked for by
name.)"""


def needed(site_packages: Path) -> list[str]:
    """Every module to import from an environment: its libraries', what the agent asks of them, then the agent's."""
    sources = {_name(path, site_packages): path for path in sorted((site_packages / OWN).rglob("*.py"))}
    own = [*sources]
    asked = {each for name in own for each in _imported(sources[name], site_packages)}
    whole = {each for found in distributions(path=[str(site_packages)]) for each in _top_level(found)} - {OWN}
    return [*sorted(whole | asked), *own]


def _name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(source: Path, site_packages: Path) -> Iterator[str]:
    """Modules of others that a file imports anywhere, in a function too."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [node.module, *(each for each in inner if _is_module(each, site_packages))]
        else:
            continue
        for name in names:
            first = name.partition(".")[0]
            if first != OWN and first not in sys.stdlib_module_names and first not in ELSEWHERE:
                yield name


def _is_module(name: str, site_packages: Path) -> bool:
    """Whether `from a import b` asks for a module a.b, and not for something in a."""
    path = site_packages.joinpath(*name.split("."))
    return path.with_name(f"{path.name}.py").exists() or (path / "__init__.py").exists()


def _top_level(found: Distribution) -> Iterator[str]:
    """What a library installs: packages, single modules, extensions."""
    # Not `files`: from Python 3.12 on it leaves out what is not there, and an incomplete library would pass untried.
    for name, *_ in csv.reader((found.read_text("RECORD") or "").splitlines()):
        file = PurePosixPath(name)
        first = file.parts[0]
        if len(file.parts) == 2 and file.name == "__init__.py":
            yield first
        elif len(file.parts) == 1 and file.suffix in {".py", ".so"}:
            yield first.partition(".")[0]
