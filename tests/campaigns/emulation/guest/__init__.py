"""What runs inside the emulated machine, on its Python's standard library alone."""
