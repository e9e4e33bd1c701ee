"""The pipeline of a press, and who is told of an alarm at the kiosk."""
