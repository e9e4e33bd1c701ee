import gzip
import subprocess
from pathlib import Path

from tests.campaigns.emulation import initramfs


def test_it_is_an_archive_that_cpio_reads_with_each_module_in_the_order_of_loading(tmp_path: Path) -> None:
    busybox = tmp_path / "busybox"
    busybox.write_bytes(b"program of an odd length!")
    modules = [tmp_path / name for name in ("z.ko", "a.ko")]
    for number, module in enumerate(modules):
        module.write_bytes(b"m" * (number + 1))
    initramfs.build(busybox, modules, tmp_path / "initramfs.gz")
    content = gzip.decompress((tmp_path / "initramfs.gz").read_bytes())

    assert files(content) == {
        "bin/busybox": b"program of an odd length!",
        "modules/z.ko": b"m",
        "modules/a.ko": b"mm",
        "modules/order": b"z.ko\na.ko\n",
        "init": files(content)["init"],
    }
    assert files(content)["init"].startswith(b"#!/bin/busybox sh\n")


def test_the_same_modules_make_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "busybox").write_bytes(b"b")
    archives = [tmp_path / "one.gz", tmp_path / "two.gz"]
    for archive in archives:
        initramfs.build(tmp_path / "busybox", [], archive)

    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_its_script_is_one_that_a_shell_understands(tmp_path: Path) -> None:
    (tmp_path / "busybox").write_bytes(b"b")
    initramfs.build(tmp_path / "busybox", [], tmp_path / "initramfs.gz")
    script = files(gzip.decompress((tmp_path / "initramfs.gz").read_bytes()))["init"]

    subprocess.run(["sh", "-n"], input=script, check=True)


def files(archive: bytes) -> dict[str, bytes]:
    """The regular files, read by the rules of the kernel's buffer-format.rst."""
    found: dict[str, bytes] = {}
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701", f"no head at byte {at}"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        start = _aligned(at + 110 + name_size)
        if name == "TRAILER!!!":
            return found
        if mode & 0o170000 == 0o100000:
            found[name] = archive[start : start + size]
        at = _aligned(start + size)


def _aligned(at: int) -> int:
    return (at + 3) // 4 * 4
