"""Uploads over a network that is cut, and of a kiosk that is smashed."""
