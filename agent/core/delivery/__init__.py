"""Decides which broker to use, when to try again, and which messages to hold back. Pure."""
