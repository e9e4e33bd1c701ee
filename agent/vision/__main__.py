"""The camera process: `python -m agent.vision --fd N`, started by the core and by nobody else."""

from agent.adapters.child_process import die_with_parent, give_way, leave_signals_to_the_core, run_child
from agent.vision.app import run

if __name__ == "__main__":
    leave_signals_to_the_core()
    die_with_parent()
    give_way()
    run_child("vision", "camera process", __doc__, run)
