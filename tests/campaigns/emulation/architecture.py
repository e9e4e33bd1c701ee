"""What differs between the machines that are emulated."""

from dataclasses import dataclass, replace

KERNEL_SUITE = "trixie"

_PI_4 = """\
/ {
    model = "Raspberry Pi 4 Model B Rev 1.5 (emulated)";
    serial-number = "100000004b1d00aa";
    system { linux,revision = <0x00c03115>; };
    gpio-sim {
        compatible = "gpio-simulator";
        header { gpio-controller; #gpio-cells = <2>; ngpios = <28>; gpio-sim,label = "pinctrl-bcm2711"; };
    };
};
&{/pl061@9030000} { status = "disabled"; };
/delete-node/ &{/gpio-keys};
"""
"""What the device tree says beyond QEMU's: a Pi 4 with its header, as gpiochip0 and no other chip."""

_HEADER = """\
chip=/sys/kernel/config/gpio-sim/header
$bb mount -t configfs config /sys/kernel/config
$bb mkdir -p $chip/bank0
echo 28 > $chip/bank0/num_lines
echo pinctrl-bcm2711 > $chip/bank0/label
echo 1 > $chip/live
$bb umount /sys/kernel/config
"""
"""The same header, for a kernel that knows no device tree."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One kind of machine."""

    name: str
    """As Debian says."""
    emulator: str
    emulator_package: str
    machine: tuple[str, ...]
    """QEMU's options for board and processor."""
    processors: int
    console: str
    """The kernel's name of the first serial port."""
    early_modules: tuple[str, ...]
    """Loaded before there is a root file system, in this order, each after those that it needs."""
    late_modules: tuple[str, ...]
    """In the root file system, for whoever loads them."""
    linux: str
    """As the kernel's makefiles say."""
    cross_compiler: str
    """The prefix of its programs, with the final dash: for gpio-sim."""
    suite: str = "bookworm"
    """Of the system, and of the package."""
    compiler_version: str = ""
    """What follows the name of the compiler, where the usual one of a machine may be too old for this kernel."""
    packages: tuple[str, ...] = ()
    """Of Debian, in the root file system, beside those that every machine has."""
    board: str = ""
    """Source that is added to QEMU's device tree, where there is one."""
    header: str = ""
    """Without one: what the initial file system runs to make the header, with `$bb` before each command."""

    @property
    def compiler(self) -> str:
        """The program that makes a module of its kernel."""
        return f"{self.cross_compiler}gcc{self.compiler_version}"

    @property
    def kernel_package(self) -> str:
        """Debian's newest kernel."""
        return f"linux-image-{self.name}"


_MODULES = ("virtio_blk", "crc32c_generic", "ext4", "virtio_net")

ARM64 = Architecture(
    name="arm64",
    emulator="qemu-system-aarch64",
    emulator_package="qemu-system-arm",
    machine=("-M", "virt,gic-version=3", "-cpu", "cortex-a72"),
    processors=2,
    console="ttyAMA0",
    early_modules=(*_MODULES, "gpio-sim"),
    late_modules=("sch_netem", "dm_flakey", "i6300esb"),
    linux="arm64",
    cross_compiler="aarch64-linux-gnu-",
    board=_PI_4,
)
"""A Raspberry Pi 4, as far as the agent can tell."""

ARM64_13 = replace(ARM64, suite="trixie", late_modules=("tpm_tis",), packages=("tpm2-openssl", "tpm-udev"))
"""The same with Debian 13, which has no library for its pins, and with what a TPM needs."""

ARM64_RECORDING = replace(ARM64, packages=("python3-av",))
"""The Pi again, with what a device needs that records."""

AMD64 = Architecture(
    name="amd64",
    emulator="qemu-system-x86_64",
    emulator_package="qemu-system-x86",
    machine=("-M", "q35", "-cpu", "max"),
    processors=1,
    console="ttyS0",
    early_modules=(*_MODULES, "gpio-sim"),
    late_modules=("vivid",),
    linux="x86",
    cross_compiler="x86_64-linux-gnu-",
    compiler_version="-14",
    packages=("v4l-utils",),
    header=_HEADER,
)
"""A machine with the kernel's own V4L2 camera, vivid, and the header of a Pi."""
