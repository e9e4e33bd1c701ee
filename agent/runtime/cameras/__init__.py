"""The core's end of each camera's process."""
