"""The option that most commands share."""

import argparse
from pathlib import Path

DEFAULT_CONFIG = Path("/etc/edge-agent/edge-agent.toml")
"""Where a device keeps its settings."""


def add_config(parser: argparse.ArgumentParser, *, of: str = "") -> None:
    """Add `--config`; `of` says whose settings these are."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help=f"settings file (TOML){of}; default: {DEFAULT_CONFIG}",
    )
