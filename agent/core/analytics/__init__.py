"""Reports what people in a camera's picture do, by rules about zones and lines. Pure."""
