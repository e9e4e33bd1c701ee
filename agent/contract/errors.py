"""Errors that the office's programs can meet as well as a device; the device's others are in `core/errors.py`."""


class EdgeAgentError(Exception):
    """Base of every error that we raise on purpose. Its one-line text says what is wrong and what to do next."""


class SettingsError(EdgeAgentError):
    """A file of settings or keys, or an override, is wrong; the text names every mistake. Exit code 2."""


class BrokerError(EdgeAgentError):
    """The broker can't be reached, refuses us, or does not take a message."""


class UsageError(EdgeAgentError):
    """A command was called in a way that can't work. Exit code 2."""


class StorageError(EdgeAgentError):
    """The state directory or a database in it can't be used."""


class NoProbeCertificate(BrokerError):  # noqa: N818 - what is so, as the doctor says it
    """The probe has no certificate of its own. If it used the device's, that might end the device's connection."""
