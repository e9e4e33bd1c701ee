"""The core's end of the recorders: which clips are wanted, and what became of them."""
