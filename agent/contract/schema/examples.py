"""One example of each message."""

from collections.abc import Mapping
from typing import Any

EXAMPLES: Mapping[str, Any] = {}
"""By name, as in the catalogue."""
