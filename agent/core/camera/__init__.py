"""What the core and a camera's process say to each other, and what is done to a camera. Pure."""
