import pytest

from agent.core.diagnosis.vision_extra import install_advice


@pytest.mark.parametrize(
    ("maxsize", "minor", "only_buttons"), [(2**31 - 1, 13, True), (2**31 - 1, 11, False), (2**63 - 1, 13, False)]
)
def test_on_32_bits_no_runtime_can_be_installed_for_the_python_of_debian_13(
    maxsize: int, minor: int, *, only_buttons: bool
) -> None:
    assert ("here are buttons only" in install_advice(maxsize, minor)) == only_buttons
