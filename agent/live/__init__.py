"""The process that pushes a camera's stream to a media server while somebody looks."""
