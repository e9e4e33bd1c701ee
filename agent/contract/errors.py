"""Errors that a command centre's programs can meet as well as the agent; the agent's others are in `core/errors.py`."""


class EdgeAgentError(Exception):
    """Base of every error that we raise on purpose. Its one-line text says what is wrong and what to do next."""


class SettingsError(EdgeAgentError):
    """A file of settings or keys, or an override, is wrong; the text names every mistake. Exit code 2."""


class BrokerError(EdgeAgentError):
    """The broker can't be reached, refuses us, or does not take a message."""
