"""The camera process: capture, detect, decide who is present, keep pictures."""
