"""Contacts, buttons and conditions: from edges to presses and faults. Pure."""
