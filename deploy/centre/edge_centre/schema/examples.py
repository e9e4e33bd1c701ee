"""One example of each message, as a simulated device has sent it, and of some of what a device hears."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

EXAMPLES: Mapping[str, Any] = json.loads(files(__package__).joinpath("examples.json").read_text(encoding="utf-8"))
"""By name, as in the catalogue; of a signed command its claims."""
