"""Draws and checks the wiring of each profile, from its settings alone: `python -m deploy.wiring`."""
