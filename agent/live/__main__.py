"""Pushes one camera's stream: `python -m agent.live --fd N`, started by the core while somebody looks at a stream.

It ends when the lease does, when the core says so or is gone, and when the recorder or the server is.
"""

from agent.adapters.child_process import die_with_parent, give_way, leave_signals_to_the_core, run_child
from agent.live.app import run

NICENESS = 10
OOM_SCORE = 600

if __name__ == "__main__":
    leave_signals_to_the_core()
    die_with_parent()
    give_way(NICENESS, OOM_SCORE)
    run_child("live", "live stream", __doc__, run)
