import os
from pathlib import Path

import pytest

from agent.adapters.board import Board
from agent.core.diagnosis.wear import Wear


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "sys", vcgencmd=str(tmp_path / "vcgencmd"), proc=tmp_path / "proc")


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_firmwares_bits_are_read_from_the_kernel(board: Board, tmp_path: Path) -> None:
    put(tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")
    assert board.throttled() == 0x50005


def test_vcgencmd_is_asked_where_the_kernel_does_not_tell(board: Board, tmp_path: Path) -> None:
    put(tmp_path / "vcgencmd", "#!/bin/sh\necho throttled=0x$([ $1 = get_throttled ] && echo 20002)\n")
    (tmp_path / "vcgencmd").chmod(0o755)
    assert board.throttled() == 0x20002


@pytest.mark.parametrize("answer", ["exit 1", "echo VCHI initialization failed", "echo throttled=", None])
def test_nothing_is_known_of_the_supply_where_nobody_answers_sensibly(
    board: Board, tmp_path: Path, answer: str | None
) -> None:
    if answer is not None:
        put(tmp_path / "vcgencmd", f"#!/bin/sh\n{answer}\n")
        (tmp_path / "vcgencmd").chmod(0o755)
    assert board.throttled() is None
    assert board.voltage_alarm() is None


@pytest.mark.parametrize(("text", "alarm"), [("0\n", False), ("1\n", True), ("?\n", None)])
def test_the_kernels_voltage_alarm_is_found_among_its_sensors(
    board: Board, tmp_path: Path, text: str, alarm: bool | None
) -> None:
    put(tmp_path / "sys/class/hwmon/hwmon0/name", "cpu_thermal")
    put(tmp_path / "sys/class/hwmon/hwmon1/in0_lcrit_alarm", text)
    assert board.voltage_alarm() is alarm


def test_every_thermal_zone_that_gives_a_temperature_is_read(board: Board, tmp_path: Path) -> None:
    zones = tmp_path / "sys/class/thermal"
    put(zones / "thermal_zone0/type", "cpu-thermal\n")
    put(zones / "thermal_zone0/temp", "48312\n")
    put(zones / "thermal_zone1/temp", "51000\n")
    put(zones / "thermal_zone2/temp", "nonsense\n")
    (zones / "thermal_zone3").mkdir()
    assert board.temperatures_c() == {"cpu-thermal": 48.312, "thermal_zone1": 51.0}


def disk_of(path: Path, sysfs: Path, *, partition: bool) -> Path:
    """A disk in sysfs that holds the file system of `path`, as mmcblk0 or as its second partition."""
    disk = sysfs / "devices/platform/emmc/mmcblk0"
    holder = disk / "mmcblk0p2" if partition else disk
    holder.mkdir(parents=True)
    if partition:
        (holder / "partition").write_text("2\n")
    number = path.stat().st_dev
    link = sysfs / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(holder)
    return disk


@pytest.mark.parametrize("partition", [True, False])
def test_the_wear_is_that_of_the_disk_under_the_partition(board: Board, tmp_path: Path, partition: bool) -> None:
    disk = disk_of(tmp_path, tmp_path / "sys", partition=partition)
    put(disk / "device/type", "MMC\n")
    put(disk / "device/life_time", "0x02 0x0b\n")
    put(disk / "device/pre_eol_info", "0x01\n")
    assert board.wear(tmp_path) == Wear("mmcblk0", is_card=False, life=(2, 11), pre_eol=1)


def test_an_sd_card_and_a_disk_that_tells_nonsense_tell_nothing(board: Board, tmp_path: Path) -> None:
    disk = disk_of(tmp_path, tmp_path / "sys", partition=True)
    put(disk / "device/type", "SD\n")
    put(disk / "device/life_time", "rather old\n")
    assert board.wear(tmp_path) == Wear("mmcblk0", is_card=True)


def test_a_directory_on_no_disk_has_no_wear(board: Board, tmp_path: Path) -> None:
    assert board.wear(tmp_path) is None


@pytest.mark.parametrize(
    ("listed", "serials"),
    [("20000000abcdef02", ("10000000abcdef01", "20000000abcdef02")), ("10000000abcdef01", ("10000000abcdef01",))],
    ids=["two", "the same"],
)
def test_serial_numbers_are_those_of_the_device_tree_and_of_the_kernels_list_of_processors(
    board: Board, tmp_path: Path, listed: str, serials: tuple[str, ...]
) -> None:
    put(tmp_path / "proc/device-tree/serial-number", "10000000ABCDEF01\0")
    put(tmp_path / "proc/cpuinfo", f"Serial\t\t: {listed}\n")
    assert board.serials() == serials


def test_without_one_there_it_is_read_from_what_the_kernel_says_of_the_processor(board: Board, tmp_path: Path) -> None:
    put(tmp_path / "proc/cpuinfo", "processor\t: 0\n\nRevision\t: c03115\nSerial\t\t: 10000000abcdef01\nModel\t: Pi\n")
    assert board.serials() == ("10000000abcdef01",)


@pytest.mark.parametrize("told", [None, "", "\0", "0000000000000000\0", "no such thing\0", "ab_1\0", "\n\t", "f" * 65])
def test_a_machine_whose_kernel_knows_no_serial_number_has_none(board: Board, tmp_path: Path, told: str | None) -> None:
    if told is not None:
        put(tmp_path / "proc/device-tree/serial-number", told)
    put(tmp_path / "proc/cpuinfo", "processor\t: 0\nmodel name\t: Some\n")
    assert board.serials() == ()
