"""Vendor libraries that the office alone needs."""
