"""The units beside the agent's: what sets the clock, what enrols with a claim on the card, what renews, and
what serves a technician's phone."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.bootstrap.specs import tap_socket
from agent.bootstrap.tap import TAP_GROUP
from agent.core.errors import StorageError
from agent.provisioning import settings_files
from agent.service_page.page import BY_HAND
from deploy.package import tree
from tests.support.run import ran

SYSTEMD = Path(__file__).parents[2] / "deploy" / "systemd"
CLOCK, ENROL, LAMPS, RENEW, TIMER, PAGE, PATH = (
    f"edge-agent-{name}"
    for name in (
        "clock.service",
        "enrol.service",
        "enrol-lamps.service",
        "renew.service",
        "renew.timer",
        "service-page.service",
        "service-page.path",
    )
)
AGENT = "edge-agent.service"
MOST_EXPOSURE = {CLOCK: 13, RENEW: 19, ENROL: 35, LAMPS: 13, PAGE: 13}
"""In tenths. Enrolment writes settings, on a read-only root through a mount of the card's own."""
PLAIN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "SYSTEMD_COLORS": "0"}
BUILT = 1_800_000_000

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A root directory in which units and programs lie where the package puts them."""
    for program in ("opt/edge-agent/bin/edge-agent", "bin/sh", "bin/systemctl"):
        path = tmp_path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    units = tmp_path / "usr/lib/systemd/system"
    shutil.copytree("/usr/lib/systemd/system", units, symlinks=True)
    for unit in (AGENT, CLOCK, ENROL, LAMPS, RENEW, TIMER, PAGE, PATH):
        shutil.copy(SYSTEMD / unit, units)
    return tmp_path


def read(name: str) -> configparser.RawConfigParser:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(SYSTEMD / name)
    return unit


@needs_systemd
@pytest.mark.parametrize("unit", [CLOCK, ENROL, LAMPS, RENEW, TIMER, PAGE, PATH])
def test_systemd_has_nothing_to_say_against_the_unit(stage: Path, unit: str) -> None:
    done = ran("systemd-analyze", "verify", "--man=no", f"--root={stage}", unit, env=PLAIN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("unit", [CLOCK, ENROL, LAMPS, RENEW, PAGE])
def test_the_unit_exposes_no_more_than_its_work_needs(stage: Path, unit: str) -> None:
    options = ("--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSURE[unit]}", f"--root={stage}")
    done = ran("systemd-analyze", "security", *options, unit, env=PLAIN)
    assert done.returncode == 0, done.stdout


@needs_systemd
@pytest.mark.parametrize("unit", [AGENT, RENEW])
def test_with_the_drop_in_for_a_tpm_the_unit_may_use_that_and_no_other_device_more(stage: Path, unit: str) -> None:
    def devices() -> set[str]:
        done = ran("systemd-analyze", "cat-config", f"--root={stage}", f"systemd/system/{unit}", env=PLAIN)
        return set(re.findall(r"^DeviceAllow=(\S+)", done.stdout, re.MULTILINE))

    before = devices()
    drop_in = stage / f"etc/systemd/system/{unit}.d/tpm.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.symlink_to(SYSTEMD / "tpm.conf")
    done = ran("systemd-analyze", "verify", "--man=no", f"--root={stage}", unit, env=PLAIN)
    assert (done.returncode, done.stderr) == (0, "")
    shutil.copy(SYSTEMD / "tpm.conf", drop_in.with_name("copy.conf"))
    assert devices() - before == {"/dev/tpmrm0"}
    assert "/dev/vcio" not in devices()


def test_what_the_drop_in_names_comes_with_the_package() -> None:
    service = read("tpm.conf")["Service"]
    assert service["Environment"].removeprefix("OPENSSL_CONF=/") in tree.PLACES.values()
    users = (SYSTEMD / "edge-agent.sysusers.conf").read_text(encoding="utf-8")
    assert f"\ng {service['SupplementaryGroups']} -\n" in users, "a group that is missing would forbid the start"


def clock(tmp_path: Path, now: int) -> "subprocess.CompletedProcess[str]":
    """Run what the unit runs, at a machine whose `date` says so and writes down what it is set to."""
    built, date = tmp_path / "built", tmp_path / "date"
    built.write_text(f"{BUILT}\n")
    date.write_text(
        f'#!/bin/sh\ncase "$1 $2" in "+%s ") echo {now} ;; "-u -s") echo "$3" >{tmp_path}/set ;; *) echo now ;; esac\n'
    )
    date.chmod(0o755)
    start = read(CLOCK)["Service"]["ExecStart"]
    script = start.removeprefix("/bin/sh -c ").strip("'").replace("%%", "%").replace(f"/{tree.BUILT}", str(built))
    assert str(built) in script
    return ran("/bin/sh", "-c", script, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})


def test_a_clock_before_the_packages_build_is_set_to_it_and_that_is_said(tmp_path: Path) -> None:
    done = clock(tmp_path, 0)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "the clock was earlier than this program: set to its build, now\n"
    assert (tmp_path / "set").read_text() == f"@{BUILT}\n"


@pytest.mark.parametrize("later_s", [0, 1, 10**9])
def test_a_clock_after_the_packages_build_is_left_alone(tmp_path: Path, later_s: int) -> None:
    done = clock(tmp_path, BUILT + later_s)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "set").exists()


def test_nothing_else_may_set_the_clock() -> None:
    assert read(CLOCK)["Service"]["CapabilityBoundingSet"] == "CAP_SYS_TIME"
    for unit in (AGENT, ENROL, RENEW):
        assert "CAP_SYS_TIME" not in read(unit)["Service"]["CapabilityBoundingSet"]


def enrolled(tmp_path: Path, *, read_only: bool, overlay: bool) -> list[str]:
    """What the script does once a device is enrolled; returns the commands in order."""
    bin_, boot = tmp_path / "bin", tmp_path / "boot/firmware"
    bin_.mkdir()
    boot.mkdir(parents=True)
    (boot / "edge-agent.claim").write_text("edge-claim1.secret")
    calls = tmp_path / "calls"
    fails_first = f'[ -e {tmp_path}/writable ] || exit 1; exec /bin/rm "$@"'
    programs = {
        "systemctl": "",
        "mount": f"case $2 in remount,rw) touch {tmp_path}/writable ;; *) rm -f {tmp_path}/writable ;; esac",
        "findmnt": f"exit {int(not overlay)}",
        "rm": fails_first if read_only else 'exec /bin/rm "$@"',
        **({"overlayroot-chroot": ""} if overlay else {}),
    }
    for name, does in programs.items():
        said = "" if name in {"rm", "findmnt"} else f'echo "{name} $*" >>{calls}\n'
        (bin_ / name).write_text(f"#!/bin/sh\n{said}{does}\n")
        (bin_ / name).chmod(0o755)
    (bin_ / "touch").symlink_to("/usr/bin/touch")
    script = (SYSTEMD / "enrolled.sh").read_text().replace("/boot/firmware", str(boot))
    done = ran("/bin/sh", "-c", script, env={"PATH": str(bin_)})
    assert (done.returncode, done.stderr) == (0, "")
    assert not (boot / "edge-agent.claim").exists()
    return calls.read_text().replace(str(boot), "BOOT").splitlines()


def test_after_enrolment_the_claim_is_gone_and_the_agent_starts_now_and_at_each_boot(tmp_path: Path) -> None:
    found = enrolled(tmp_path, read_only=False, overlay=False)
    assert found == ["systemctl enable edge-agent.service", "systemctl --no-block restart edge-agent.service"]


def test_on_a_prepared_card_the_boot_partition_is_opened_for_a_moment_and_the_cards_own_root_starts_it_too(
    tmp_path: Path,
) -> None:
    assert enrolled(tmp_path, read_only=True, overlay=True) == [
        "mount -o remount,rw BOOT",
        "mount -o remount,ro BOOT",
        "systemctl enable edge-agent.service",
        "overlayroot-chroot systemctl enable edge-agent.service",
        "systemctl --no-block restart edge-agent.service",
    ]


def test_what_the_units_need_is_there_where_they_look() -> None:
    assert f"/{tree.BUILT}" == read(CLOCK)["Unit"]["ConditionPathExists"]
    assert tree.PLACES["deploy/systemd/enrolled.sh"] in read(ENROL)["Service"]["ExecStartPost"]
    claim = read(ENROL)["Unit"]["ConditionPathExists"]
    assert read(ENROL)["Service"]["ExecStart"].endswith(f"enrol --claim-file {claim}")
    assert read(RENEW)["Unit"]["ConditionPathExists"] == "/var/lib/edge-agent/credentials/current"


def test_the_lamps_before_the_enrolment_never_end_an_agent_and_an_agents_start_ends_them_first() -> None:
    unit = read(LAMPS)
    assert not {"Conflicts", "PartOf", "BindsTo"} & set(unit["Unit"])
    assert unit["Unit"]["After"] == AGENT, "at a boot the agent is there first, and forbids them"
    assert unit["Service"]["User"] == read(AGENT)["Service"]["User"]
    begins = read(AGENT)["Service"]["ExecStartPre"]
    assert f"test ! -e /run/{unit['Service']['RuntimeDirectory']} || exec systemctl stop {LAMPS}" in begins
    assert begins.startswith("+-"), "what it can't end must not keep the agent from starting"


@pytest.mark.parametrize("unit", [CLOCK, ENROL, LAMPS, TIMER, PATH])
def test_a_technician_finds_what_helps_before_the_enrolment_after_each_start_and_not_only_after_the_cards_first(
    unit: str,
) -> None:
    assert f"deploy/systemd/{unit}" in tree.PLACES
    assert read(unit)["Install"]["WantedBy"] in {"multi-user.target", "timers.target"}
    scripts = SYSTEMD.parent / "package/debian"
    for script, pattern in (("postinst", r"^for each in (.*); do$"), ("prerm", r"deb-systemd-invoke stop (.*) >")):
        text = (scripts / script).read_text(encoding="utf-8").replace("\\\n", " ")
        assert unit in " ".join(re.findall(pattern, text, re.MULTILINE)).split(), script


@pytest.mark.parametrize(
    ("file", "state", "begins"),
    [
        ("disabled", "inactive", True),
        ("disabled", "failed", True),
        ("enabled", "inactive", False),
        ("disabled", "active", False),
        ("disabled", "activating", False),
        ("disabled", "deactivating", False),
        ("masked", "inactive", False),
        ("", "", False),
    ],
)
def test_the_lamps_before_the_enrolment_begin_only_where_no_agent_runs_or_is_to_run(
    tmp_path: Path, file: str, state: str, *, begins: bool
) -> None:
    """Without an answer of systemd they do not."""
    condition = read(LAMPS)["Service"]["ExecCondition"]
    assert condition.startswith("+"), "the agent's user may not ask systemd in the unit's sandbox"
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(
        f'#!/bin/sh\ncase "$*" in *UnitFileState*{AGENT}) echo {file} ;; *ActiveState*{AGENT}) echo {state} ;; esac\n'
    )
    systemctl.chmod(0o755)
    script = condition.removeprefix("+/bin/sh -c ").strip("'")
    done = ran("/bin/sh", "-c", script, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (done.returncode == 0) is begins


def test_an_enrolment_that_is_refused_is_not_tried_again_and_one_without_an_answer_is() -> None:
    service = read(ENROL)["Service"]
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"].split() == ["2", "3"]
    assert read(ENROL)["Unit"]["StartLimitIntervalSec"] == "0"


def test_enrolment_with_a_tpm_gives_both_units_the_packages_drop_in_and_it_can_be_taken_away(tmp_path: Path) -> None:
    files = settings_files.drop_ins(tmp_path)
    settings_files.let_units_use_a_tpm(SYSTEMD / settings_files.TPM.name, files)
    assert {each.parent.name for each in files} == {f"{AGENT}.d", f"{RENEW}.d"}
    assert {each.read_text() for each in files} == {(SYSTEMD / "tpm.conf").read_text()}
    assert tree.PLACES["deploy/systemd/tpm.conf"] == str(settings_files.TPM).removeprefix("/")
    for each in files:
        settings_files.remove(each)
    assert not any(each.exists() for each in files)
    with pytest.raises(StorageError, match="may not use the TPM"):
        settings_files.let_units_use_a_tpm(tmp_path / "nothing", files)


def test_nothing_but_the_agents_file_starts_the_service_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page, path = read(PAGE), read(PATH)
    runtime = f"/run/{read(AGENT)['Service']['RuntimeDirectory']}"
    monkeypatch.setenv("RUNTIME_DIRECTORY", runtime)

    assert dict(path["Path"]) == {"PathExists": str(tap_socket(Path("/")).with_name("service-page.json"))}
    assert "Install" not in page
    assert {"Wants", "Requires", "BindsTo"}.isdisjoint(page["Unit"])
    assert "Restart" not in page["Service"]
    others = [unit for unit in SYSTEMD.glob("*.service") if unit.name != PAGE]
    assert not [unit.name for unit in others if "service-page" in unit.read_text()]


def test_the_service_page_gets_the_tap_and_the_directory_of_walks_and_no_key_of_the_devices() -> None:
    page = read(PAGE)["Service"]
    users = (SYSTEMD / "edge-agent.sysusers.conf").read_text()
    groups = {line.split()[2] for line in users.splitlines() if line.startswith("m edge-agent-page ")}
    walks = "/var/lib/edge-agent/walk"
    state = (SYSTEMD / "edge-agent.tmpfiles.conf").read_text()

    assert page["User"] != read(AGENT)["Service"]["User"]
    assert groups == {TAP_GROUP} == {page["SupplementaryGroups"]}
    assert f"\nm edge-agent {TAP_GROUP}\n" in users
    assert page["BindPaths"].removeprefix("-").partition(":")[0] == walks
    assert f"d {walks} 2770 edge-agent {TAP_GROUP} -" in state
    assert {"ReadWritePaths", "LoadCredentialEncrypted", "StateDirectory"}.isdisjoint(page)
    # Else root would read whatever a link in the agent's own directory leads to.
    assert page["LoadCredential"] == BY_HAND
