import subprocess
from pathlib import Path

from tests.campaigns.emulation.newer import newer


def test_a_newer_package_differs_in_its_version_alone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: edge-agent\nVersion: 0.1.0\nArchitecture: arm64\nMaintainer: nobody <nobody@example>\n"
        "Description: nothing\n"
    )
    (root / "DEBIAN/postinst").write_text("#!/bin/sh\n")
    (root / "DEBIAN/postinst").chmod(0o755)
    (root / "odd").write_text("odd")
    deb = tmp_path / "edge-agent_0.1.0_arm64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(deb)], check=True)

    made = newer(deb, tmp_path)

    def said(*arguments: str) -> str:
        return subprocess.run(["dpkg-deb", *arguments], capture_output=True, text=True, check=True).stdout

    assert said("--field", str(made), "Version") == "0.1.0+next\n"
    assert said("--field", str(made), "Package") == "edge-agent\n"
    assert "postinst" in said("--info", str(made))
    assert said("--contents", str(made)) == said("--contents", str(deb))
