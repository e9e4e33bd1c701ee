"""Builds the person model, and fetches what it is built from."""
