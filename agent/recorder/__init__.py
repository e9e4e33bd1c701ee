"""The recorder: a process for each camera that keeps the last seconds in memory, and writes clips."""
