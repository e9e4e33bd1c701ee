"""`make image` on boot partitions of either release."""

import email
import os
import re
import shutil
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # comes with Ansible

from deploy.card import __main__ as program
from deploy.card.partition import Partition
from tests.deploy.card.conftest import Image
from tests.support.boot_partition import IMAGERS_FIRSTRUN, IMAGERS_WORDS, NAME, claim, content, make

pytestmark = pytest.mark.enrolment

UNITS = Path(__file__).parents[3] / "deploy/systemd"


def test_a_card_gets_all_that_its_first_start_wants_and_says_so(
    card: Path, image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "claim").write_text(claim())
    before = content(card)
    assert image(card, "--claim", tmp_path / "claim") == 0
    made = set(content(card)) - set(before)
    deb = {"trixie": "edge-agent_0.1.0+deb13_arm64.deb", "bookworm": "edge-agent_0.1.0+deb12_arm64.deb"}[card.name]
    wanted = {
        deb,
        "edge-agent.claim",
        "edge-agent.profile",
        "edge-agent-first-boot.sh",
        "edge-agent-first-boot.service",
    }
    assert made == wanted | ({"vendor-data"} if card.name == "trixie" else {"firstrun.sh", "custom.toml"})
    assert (card / "edge-agent.profile").read_text() == "kiosk-pi4\n"
    said = capsys.readouterr().out
    assert f"This card makes {NAME}, a kiosk-pi4 on Raspberry Pi OS {card.name.capitalize()}." in said
    assert all(name in said for name in made)
    assert (tmp_path / "claim").read_text().strip() not in said
    assert f"Delete {tmp_path / 'claim'}" in said


def test_run_twice_it_changes_nothing(
    card: Path, image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "claim").write_text(claim())
    image(card, "--claim", tmp_path / "claim")
    once = content(card)
    capsys.readouterr()
    assert image(card, "--claim", tmp_path / "claim") == 0
    assert content(card) == once
    said = capsys.readouterr().out
    assert "unchanged" in said
    assert not re.search(r"^  (made|rewritten|removed)", said, re.MULTILINE)


def test_what_makes_a_pi_begin_with_the_rest_is_written_last(
    card: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    put = Partition._put

    def noted(self: Partition, name: str, *arguments: Any) -> None:
        written.append(name)
        put(self, name, *arguments)

    monkeypatch.setattr(Partition, "_put", noted)
    assert image(card) == 0
    assert written[-1] == "cmdline.txt"


def test_another_profile_takes_the_place_of_the_first_and_claim_and_login_stay(
    card: Path, image: Image, tmp_path: Path
) -> None:
    (tmp_path / "claim").write_text(claim())
    (card / "edge-agent_0.0.9+deb13_arm64.deb").touch()
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAAC3Nz\n")
    image(card, "--claim", tmp_path / "claim", "--ssh-key", tmp_path / "id.pub", "--login", "thandi")
    before = content(card)
    assert image(card, profile="camera-pi4") == 0
    for name in {"vendor-data", "custom.toml"} & set(before):
        assert content(card)[name] == before[name]
    assert (card / "edge-agent.profile").read_text() == "camera-pi4\n"
    assert (card / "config.txt").read_text().count("dtparam=watchdog=on") == 1
    assert "gpio=17" not in (card / "config.txt").read_text()
    assert (card / "edge-agent.claim").read_text() == (tmp_path / "claim").read_text()
    assert len(list(card.glob("*.deb"))) == 1


def test_it_puts_the_claim_and_the_profile_where_the_device_looks_for_them(
    card: Path, image: Image, tmp_path: Path
) -> None:
    (tmp_path / "claim").write_text(claim())
    image(card, "--claim", tmp_path / "claim")
    enrols = (UNITS / "edge-agent-enrol.service").read_text()
    [place] = re.findall(r"^ConditionPathExists=/boot/firmware/(\S+)$", enrols, re.MULTILINE)
    assert stat.S_IMODE((card / place).stat().st_mode) == 0o600
    postinst = (UNITS.parent / "package/debian/postinst").read_text()
    assert "CARD=/boot/firmware/edge-agent.profile\n" in postinst
    [script] = re.findall(
        r"ConditionPathExists=/boot/firmware/(\S+)", (card / "edge-agent-first-boot.service").read_text()
    )
    assert (card / script).is_file()


def test_trixie_begins_by_cloud_init_and_nothing_of_the_imagers_is_touched(image: Image, tmp_path: Path) -> None:
    card, key = make("trixie", tmp_path), tmp_path / "id.pub"
    key.write_text("ssh-ed25519 AAAAC3Nz tech@office\n")
    untouched = {name: content(card)[name] for name in ("user-data", "meta-data", "network-config")}
    assert image(card, "--ssh-key", key, "--login", "thandi") == 0
    assert untouched.items() <= content(card).items()
    _, settings, script = email.message_from_bytes(content(card)["vendor-data"]).walk()
    assert settings.get_content_type() == "text/cloud-config"
    assert script.get_content_type() == "text/x-shellscript"
    cloud = yaml.safe_load(str(settings.get_payload()))
    [user] = cloud["users"]
    assert (user["name"], user["ssh_authorized_keys"]) == ("thandi", ["ssh-ed25519 AAAAC3Nz tech@office"])
    assert user["lock_passwd"] is True
    assert cloud["ssh_pwauth"] is False
    assert (card / "ssh").exists()
    assert "systemd.run" not in (card / "cmdline.txt").read_text()


def test_bookworm_begins_by_systemd_run_and_reads_login_and_name_from_custom_toml(image: Image, tmp_path: Path) -> None:
    card, key = make("bookworm", tmp_path), tmp_path / "id.pub"
    key.write_text('ssh-ed25519 AAAAC3Nz "tech"\n')
    (tmp_path / "claim").write_text(claim())
    assert image(card, "--ssh-key", key, "--claim", tmp_path / "claim") == 0
    words = (card / "cmdline.txt").read_text().split()
    assert words[-3:] == IMAGERS_WORDS.replace("/boot/", "/boot/firmware/").split()
    custom = tomllib.loads((card / "custom.toml").read_text())
    assert custom["system"] == {"hostname": "kiosk-0042"}
    assert custom["user"] == {"name": "technician"}
    assert custom["ssh"]["authorized_keys"] == ['ssh-ed25519 AAAAC3Nz "tech"']
    assert custom["ssh"]["password_authentication"] is False
    once = content(card)
    assert image(card, "--ssh-key", key) == 0
    assert content(card)["firstrun.sh"] == once["firstrun.sh"]


def test_what_the_imager_has_written_for_bookworm_goes_on_doing_its_work(image: Image, tmp_path: Path) -> None:
    card = make("bookworm", tmp_path)
    line = (card / "cmdline.txt").read_text().rstrip()
    (card / "cmdline.txt").write_text(f"{line}{IMAGERS_WORDS}\n")
    (card / "firstrun.sh").write_text(IMAGERS_FIRSTRUN)
    assert image(card) == 0
    assert (card / "cmdline.txt").read_text() == f"{line} cgroup_enable=memory{IMAGERS_WORDS}\n"
    script = (card / "firstrun.sh").read_text()
    theirs, _, clean_up = script.partition("rm -f /boot/firstrun.sh\n")
    assert "systemctl enable edge-agent-first-boot.service" in theirs
    assert re.sub(r"# >>> edge-agent\n.*# <<< edge-agent\n", "", script, flags=re.DOTALL) == IMAGERS_FIRSTRUN
    # What the card's initramfs does with the older path of an Imager: imager_fixup.
    assert [line for line in theirs.splitlines() if re.search(r"rm.*firstrun\.sh$", line)] == []
    assert clean_up
    once = content(card)
    assert image(card) == 0
    assert content(card) == once


def _trouble(card: Path, tmp_path: Path) -> dict[str, tuple[list[str], str]]:
    (tmp_path / "old").write_text(claim(-1))
    (tmp_path / "cut").write_text(claim()[:60])
    (tmp_path / "id").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    (tmp_path / "id.txt").write_text("hello\n")
    other = {"trixie": "bookworm", "bookworm": "trixie"}[card.name]
    return {
        "profile": (["--profile", "kiosk-pi9"], "there is no profile 'kiosk-pi9': give PROFILE= one of camera-pi4, "),
        "no profile": (["--profile", ""], "there is no profile '': give PROFILE= one of camera-pi4, "),
        "directory": (["--out", str(tmp_path)], "is no boot partition of a Raspberry Pi: put the card into the reader"),
        "release": (
            ["--release", other],
            f"has Raspberry Pi OS {card.name.capitalize()}, and not {other.capitalize()}",
        ),
        "package": (["--dist", str(tmp_path)], f"is not built: make dist ARCH=arm64 RELEASE={card.name}"),
        "claim": (["--claim", str(tmp_path / "old")], "has expired: ask the office for another one"),
        "half": (["--claim", str(tmp_path / "cut")], "copy the whole line"),
        "none": (["--claim", str(tmp_path / "none")], "No such file"),
        "both": (["--claim", str(tmp_path / "old"), "--device", NAME], "give CLAIM= or DEVICE=, not both"),
        "name": (["--device", "kiosk-0042"], "a device's name is province/site/id"),
        "private": (["--ssh-key", str(tmp_path / "id")], "is a private key: give the public half"),
        "no key": (["--ssh-key", str(tmp_path / "id.txt")], "has no public key of ssh"),
    }


@pytest.mark.parametrize(
    "what",
    [
        "profile",
        "no profile",
        "directory",
        "release",
        "package",
        "claim",
        "half",
        "none",
        "both",
        "name",
        "private",
        "no key",
    ],
)
def test_bad_input_is_one_sentence_and_leaves_the_card_as_it_was(
    card: Path, image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    arguments, sentence = _trouble(card, tmp_path)[what]
    before = content(card)
    assert image(card, *arguments) == 1
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert content(card) == before


def test_a_claim_that_expired_on_the_card_is_told(
    image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = make("trixie", tmp_path)
    (card / "edge-agent.claim").write_text(claim(-1))
    assert image(card) == 1
    assert (
        f"the claim on this card has expired: ask the office for another one (DEVICE={NAME})" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("issue.txt", "Raspberry Pi reference 2023-05-03\n", "older than Bookworm"),
        ("issue.txt", "Ubuntu 24.04\n", "another system than Raspberry Pi OS"),
        ("vendor-data", "#cloud-config\n", "somebody else has put vendor-data"),
        ("network-config", "network:\n  wifis:\n    wlan0: {}\n", "add WIFI=1"),
    ],
)
def test_a_card_that_is_not_as_it_should_be_is_refused(
    image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, sentence: str
) -> None:
    card = make("trixie", tmp_path)
    (card / name).write_text(text)
    before = content(card)
    assert image(card) == 1
    assert sentence in capsys.readouterr().err
    assert content(card) == before


def test_a_card_of_the_imagers_own_wifi_is_taken_with_wifi(image: Image, tmp_path: Path) -> None:
    card = make("trixie", tmp_path)
    (card / "network-config").write_text("network:\n  wifis:\n    wlan0: {}\n")
    assert image(card, "--wifi") == 0


@pytest.mark.parametrize("release", ["trixie", "bookworm"])
def test_two_logins_are_refused(image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str], release: str) -> None:
    card, key = make(release, tmp_path), tmp_path / "id.pub"
    key.write_text("ssh-ed25519 AAAAC3Nz\n")
    (card / "user-data").write_text("#cloud-config\nusers:\n- name: me\n")
    (card / "firstrun.sh").write_text(IMAGERS_FIRSTRUN)
    assert image(card, "--ssh-key", key) == 1
    assert "leave SSH_KEY away" in capsys.readouterr().err


def test_a_firstrun_that_nobody_knows_is_left_alone(
    image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = make("bookworm", tmp_path)
    (card / "firstrun.sh").write_text("#!/bin/sh\necho mine\n")
    assert image(card) == 1
    assert "not one that the Imager writes" in capsys.readouterr().err


def test_a_card_without_space_is_told_before_anything_is_written(
    card: Path, image: Image, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100 << 20, 100 << 20, 0))
    before = content(card)
    assert image(card) == 1
    assert "has 0 MiB left, and 2 MiB are needed" in capsys.readouterr().err
    assert content(card) == before


def test_the_office_is_asked_for_a_claim_last_of_all_and_it_goes_straight_to_the_card(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = claim()
    office = tmp_path / "office/deploy/province"
    office.parent.mkdir(parents=True)
    office.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho {text}')
    office.chmod(0o755)
    monkeypatch.setattr(program, "PROJECT", tmp_path / "office")
    assert image(tmp_path, "--device", NAME) == 1
    assert not (tmp_path / "asked").exists()
    card = make("trixie", tmp_path)
    assert image(card, "--device", NAME, "--board", "10000000abcdef01") == 0
    assert (tmp_path / "asked").read_text() == "claim gp jhb-park-station kiosk-0042 --board 10000000abcdef01\n"
    assert (card / "edge-agent.claim").read_text() == text
    office.write_text("#!/bin/sh\nexit 255\n")
    assert image(card, "--device", NAME) == 1
    assert "the office gave no claim" in capsys.readouterr().err


def test_without_out_it_is_where_a_desktop_mounts_the_card(capsys: pytest.CaptureFixture[str], image: Image) -> None:
    os.environ.setdefault("USER", "root")
    assert program.main(["--profile", "kiosk-pi4"]) == 1
    assert f"/media/{os.environ['USER']}/bootfs is no boot partition" in capsys.readouterr().err
