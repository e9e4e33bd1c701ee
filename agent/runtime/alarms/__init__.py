"""The pipeline of a press, and the parts of the kiosk that act on an alarm."""
