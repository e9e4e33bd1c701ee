"""`python -m deploy.lab`: what developers run in a checkout."""

import sys

from agent.contract.command_line import Program

PROGRAM = Program(
    "python -m deploy.lab",
    "Demo, bench and model building, for developers. In no package.",
    "Examples:\n  make run                                    the whole chain on this machine\n"
    "  python -m deploy.lab bench --help           what a camera's settings see on a video, and what that costs\n",
    {
        "demo": "run the whole chain on this machine and show it",
        "bench": "try the settings on a video, and measure the cost",
        "model": "build the person model, and fetch the demo video",
    },
    "deploy.lab",
)

if __name__ == "__main__":
    sys.exit(PROGRAM.main())
