"""What a shell offers after `edge-agent` and a tabulator."""

from pathlib import Path

import pytest

from agent.__main__ import PROGRAM
from deploy.package import completion
from edge_centre.__main__ import PROGRAM as OFFICE
from tests.support.run import ran

_ASK = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"
does=$(complete -p edge-agent | sed -E 's/.*-F ([^ ]+).*/\1/')
$does edge-agent "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "edge-agent"
    path.write_text(completion.script("bash", PROGRAM))
    return path


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("edge-agent do", "doctor"),
        ("edge-agent doctor --on", "--only"),
        ("edge-agent model ver", "verify"),
        ("edge-agent sim outp", "outputs"),
        ("edge-agent check-config /usr/shar", "/usr/share"),
        ("edge-agent doctor --config /usr/shar", "/usr/share"),
    ],
)
def test_bash_completes_commands_options_values_and_files(script: Path, words: str, offered: str) -> None:
    done = ran("bash", "-c", _ASK, "bash", script, *words.split(), check=True)
    assert offered in [line.strip() for line in done.stdout.splitlines()]


def test_zsh_has_a_script_of_its_own() -> None:
    assert completion.script("zsh", OFFICE).startswith("#compdef edge-centre")
