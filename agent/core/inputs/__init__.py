"""Contacts, buttons and conditions: turns edges into presses and faults. Pure."""
