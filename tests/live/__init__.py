"""The process that pushes a stream."""
