"""The agent's own errors: one base, one subclass per layer; only the command line maps them to exit codes."""


class EdgeAgentError(Exception):
    """Base of every error that we raise on purpose. Its text is one line: what is wrong, what next."""


class SettingsError(EdgeAgentError):
    """The settings file or an override is wrong; the text names every mistake. Exit code 2."""


class UsageError(EdgeAgentError):
    """A command was called in a way that can't work. Exit code 2."""


class HardwareError(EdgeAgentError):
    """A pin, camera or sensor does not answer as it should."""


class CameraError(HardwareError):
    """A picture source can't be opened or has stopped giving frames."""


class CameraSilentError(CameraError):
    """A picture source that is open gave no frame in time."""


class CameraEndedError(CameraError):
    """A picture source has given its last frame, as a file does; opening it again is of no use."""


class MaskError(EdgeAgentError):
    """The privacy masks of a camera are not known, so it must stay off."""


class ModelError(EdgeAgentError):
    """A model is missing, altered, or not of the form that its manifest promises."""


class ModelRefusedError(ModelError):
    """A model that is there must not run: nobody vouches for it, or it is not what was vouched for."""


class DelegateError(ModelError):
    """A delegate, which runs a model instead of the processor, can't be loaded or can't run this model."""


class BrokerError(EdgeAgentError):
    """The broker can't be reached, refuses us, or does not take a message."""


class NoProbeCertificate(BrokerError):  # noqa: N818 - what is so, as the doctor says it
    """There is no certificate that the probe could show, and with the device's it might end the device's connection."""


class MessageRefused(BrokerError):  # noqa: N818 - a verdict, as the broker's own
    """This broker never takes this message, for example because it is larger than the broker allows."""


class StorageError(EdgeAgentError):
    """The state directory or a database in it can't be used."""


class UnwritableError(StorageError):
    """The disk can be read and takes nothing: it is read-only."""


class DiskFullError(UnwritableError):
    """There is no room left on the disk."""


class DamagedError(StorageError):
    """A database can be read, but what it holds is not what was written; only a new one helps."""


class DirectoryInUseError(StorageError):
    """Another agent has the state directory."""


class StepFailed(EdgeAgentError):  # noqa: N818 - a verdict
    """A step of the self-test has found something that is not well."""
