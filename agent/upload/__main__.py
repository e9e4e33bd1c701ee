"""The uploader: `python -m agent.upload --fd N`, started by the core while segments wait that may go.

It does one PUT at a time, and ends when the core says so, or is gone, or has had nothing for it for a minute.
"""

from agent.adapters.child_process import give_way, leave_signals_to_the_core, run_child
from agent.upload.app import run

NICENESS = 10
OOM_SCORE = 600

if __name__ == "__main__":
    leave_signals_to_the_core()
    give_way(NICENESS, OOM_SCORE)
    run_child("upload", "uploader", __doc__, run)
