"""What a device knows and decides: pure functions and values, with no I/O, no threads and no clock reads."""
