"""Builds the Debian package: `make dist`, or `python -m deploy.package --arch arm64`. Needs no root."""
