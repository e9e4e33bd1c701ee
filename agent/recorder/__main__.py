"""The recorder of a camera: `python -m agent.recorder --fd N`, started by the core and by nobody else.

It runs until the core says stop or is gone, and closes its clips then.
"""

from agent.adapters.child_process import give_way, keep_memory_in_one_place, leave_signals_to_the_core, run_child
from agent.recorder.app import run

NICENESS = 5
"""After the core, and before the camera processes: what was pressed must get onto the card."""
OOM_SCORE = 200
"""The same where memory is short."""

if __name__ == "__main__":
    leave_signals_to_the_core()
    keep_memory_in_one_place()
    give_way(NICENESS, OOM_SCORE)
    run_child("recorder", "recorder", __doc__, run)
