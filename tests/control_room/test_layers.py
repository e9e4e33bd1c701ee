"""Who may import whom in the TypeScript of the two pages, as import-linter says it of the Python."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

_ROOT = Path(__file__).parents[2]
SOURCE = _ROOT / "deploy" / "control-room" / "src"
SERVICE_PAGE = _ROOT / "agent" / "service_page" / "src"
GROUND = {"contract", "plain", "octets", "kept", "colours.css"}
LAYERS: dict[str, set[str]] = {
    **{each: set() for each in GROUND},
    "protocol": {"contract"},
    "centre": {"contract", "protocol"},
    "worker": GROUND | {"protocol", "centre"},
    "page": GROUND | {"protocol", "centre"},
    "service page": GROUND,
}
"""What each folder, or file beside them, may import besides its own. A page knows its worker by the protocol alone."""
IMPORT = re.compile(
    r"""^(?:import|export)\b[^;"']*\bfrom "(\.\.?/[^"]+)"|^import "(\.\.?/[^"]+)"|\bimport\("(\.\.?/[^"]+)"\)""",
    re.MULTILINE,
)


def imports() -> dict[Path, set[Path]]:
    """The modules, and what each imports of the others, types included."""
    contract = SOURCE / "contract.d.ts"  # generated
    found_files = [*SOURCE.rglob("*"), *SERVICE_PAGE.rglob("*")]
    files = {contract} | {path for path in found_files if path.suffix in {".ts", ".tsx", ".js", ".css"}}
    by_name = {path.with_name(path.name.partition(".")[0]): path for path in files if path.suffix != ".css"}
    by_name |= {path: path for path in files}
    found = {}
    for path in files:
        text = "" if path == contract else path.read_text()
        names = ["".join(match) for match in IMPORT.findall(text)]
        found[path] = {by_name[(path.parent / name).resolve()] for name in names}
    return found


def layer(path: Path) -> str:
    if path.is_relative_to(SERVICE_PAGE):
        return "service page"
    first = path.relative_to(SOURCE).parts[0]
    return first if first.endswith(".css") else first.partition(".")[0]


def test_every_module_is_in_a_layer_and_imports_only_from_those_below_it() -> None:
    found = imports()
    assert {layer(path) for path in found} == LAYERS.keys()
    wrong = [
        f"{path.relative_to(_ROOT)} imports {other.relative_to(_ROOT)}"
        for path, others in found.items()
        for other in others
        if layer(other) not in LAYERS[layer(path)] | {layer(path)}
    ]
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    TopologicalSorter(imports()).prepare()
