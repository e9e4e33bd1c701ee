import traceback

import pytest

from agent.core.camera.link import decode_for_vision
from agent.core.link_lines import LinkError


@pytest.mark.parametrize("line", [b'{"t": "start", "spec": "rtsp://u:hunter2@cam"}', b'{"uri": "rtsp://u:hunter2@ca'])
def test_an_error_of_the_link_repeats_no_password_of_a_camera(line: bytes) -> None:
    with pytest.raises(LinkError) as told:
        decode_for_vision(line)

    assert "hunter2" not in "".join(traceback.format_exception(told.value))
