"""What people in a camera's picture do, by rules of zones and lines. Pure."""
