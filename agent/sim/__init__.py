"""Working stand-ins for hardware, with fault injection."""
