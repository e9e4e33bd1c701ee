"""Power cuts: when they come, what they find on the disk, and whether anything was lost."""
