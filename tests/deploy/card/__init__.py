"""The card of a device."""
