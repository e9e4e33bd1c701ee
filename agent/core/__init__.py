"""What a device knows and decides: pure functions and values, no I/O, no threads, no clock reads."""
