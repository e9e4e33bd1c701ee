"""The life of an alarm from press to close, and what the lamps and the siren show of it. Pure."""
