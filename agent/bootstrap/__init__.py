"""Shared by the composition roots: turns settings into plain values for each part, and assembles parts."""
