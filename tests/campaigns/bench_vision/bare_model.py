"""The least that has run the model once: OpenCV, the interpreter, the model.

Run as `python -m tests.campaigns.bench_vision.bare_model MODEL THREADS`.."""

import sys

import numpy as np

from tests.campaigns.bench.bare_look import BareLook
from tests.campaigns.bench.child import serve


def main() -> None:
    """Run it, and stay until the input ends."""
    BareLook(sys.argv[1], int(sys.argv[2])).look(np.zeros((224, 224, 3), np.uint8))
    serve(lambda request: None)


if __name__ == "__main__":
    main()
