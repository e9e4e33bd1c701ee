"""Checks, renders and exports what a camera has signed."""
