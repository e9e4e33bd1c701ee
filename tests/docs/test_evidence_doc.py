"""The page on evidence: its settings are there, and what it has an office type is what the program understands."""

import re
import shlex
from pathlib import Path

from agent.contract.commands import COMMANDS
from agent.core.camera.settings import CameraSettings
from agent.settings.video import EvidenceSettings, UploadSettings
from edge_centre.__main__ import PROGRAM

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "evidence.md").read_text(encoding="utf-8")
UPLOADS = (DOCS / "how-to" / "upload-recordings.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    page = PAGE + UPLOADS.replace(
        "edge-centre command ... ", "edge-centre command --device a/b/c --broker mqtt://a --key k "
    )
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    rest = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    found = [line for block in blocks for line in re.sub(r"\\\n +", "", block).splitlines()]
    found += re.findall(r"`(edge-centre [^`]+)`", re.sub(r"\n +", " ", rest))
    return [shlex.split(line)[1:] for line in found if line.strip().startswith("edge-centre")]


def test_every_setting_of_uploads_is_in_the_guide_and_no_other() -> None:
    guide = UPLOADS.partition("[upload]")[2].partition("```")[0]
    assert set(re.findall(r"^ *(?:# )?(\w+) = ", guide, re.MULTILINE)) == set(UploadSettings.model_fields)


def test_every_setting_of_recordings_is_on_the_page_and_no_other() -> None:
    rows = re.findall(r"^\| (.*?) \| .* \| .* \|$", PAGE.partition("| setting |")[2].partition("\n\n")[0], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(?:\[evidence\] )?(\w+)`", row)}
    assert named == set(EvidenceSettings.model_fields) | {"stream", "masked_by_camera", "evidence"}
    assert {"stream", "masked_by_camera", "evidence"} <= set(CameraSettings.model_fields)


def test_what_the_office_types_is_understood() -> None:
    asked = [words for words in commands() if len(words) > 2]
    actions = {"verify", "export", "certificate", "stamp", "heads"}
    assert {words[1] for words in asked if words[0] == "evidence"} >= actions
    for words in asked:
        chosen = PROGRAM.whole_parser().parse_args(words)
        if words[0] == "command":
            assert chosen.name in COMMANDS
