"""Every message that must reach the centre, from its acceptance until the broker has confirmed it."""
