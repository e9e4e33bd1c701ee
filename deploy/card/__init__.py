"""The boot partition of a device's card: everything that a technician would otherwise type or edit."""
