"""The messages between the core and a camera process, and the judgement of what is done to a camera. Pure."""
