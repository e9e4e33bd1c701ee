"""Whoever runs a command centre needs none of the libraries of a kiosk."""

import sys

from tests.support.run import ran

_FORBIDDEN = (
    "gpiozero",
    "lgpio",
    "numpy",
    "cv2",
    "ai_edge_litert",
    "tflite_runtime",
    "picamera2",
    "rich",
    "pydantic_settings",
)
_PROGRAM = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {_FORBIDDEN!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
import edge_centre.library
rooms = {{name.split(".")[1] for name in sys.modules if name.startswith("agent.")}}
print(*sorted(rooms))
"""


def test_the_library_of_a_command_centre_needs_no_part_and_no_library_of_the_kiosk() -> None:
    done = ran(sys.executable, "-c", _PROGRAM)
    assert done.stderr == ""
    assert set(done.stdout.split()) <= {"contract", "trust"}
