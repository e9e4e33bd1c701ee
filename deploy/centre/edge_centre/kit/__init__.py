"""The province kit: everything that a province needs to run its kiosks, made from one file."""
