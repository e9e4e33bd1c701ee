"""The agent's own errors: one base, with a subclass per layer. Only the command line maps them to exit codes."""

from collections.abc import Sequence

# Every error of the agent is imported from here, those that it shares with the command centre's library too.
from agent.contract.errors import BrokerError as BrokerError  # noqa: PLC0414
from agent.contract.errors import EdgeAgentError as EdgeAgentError  # noqa: PLC0414
from agent.contract.errors import NoProbeCertificate as NoProbeCertificate  # noqa: PLC0414
from agent.contract.errors import SettingsError as SettingsError  # noqa: PLC0414
from agent.contract.errors import StorageError as StorageError  # noqa: PLC0414
from agent.contract.errors import UsageError as UsageError  # noqa: PLC0414


class ChangeRefused(SettingsError):  # noqa: N818 - a verdict, as the contract names it
    """A change of the settings can't be accepted. `code` is the contract's."""

    def __init__(self, code: str, text: str, mistakes: Sequence[tuple[str, str]] = ()) -> None:
        """`mistakes` are those of BadSettings, where there are some."""
        super().__init__(text)
        self.code = code
        self.mistakes = mistakes or [("", text)]


class HardwareError(EdgeAgentError):
    """A pin, camera or sensor does not answer as it should."""


class CameraError(HardwareError):
    """A picture source can't be opened, or has stopped delivering frames."""


class CameraSilentError(CameraError):
    """An open picture source delivered no frame in time."""


class CameraEndedError(CameraError):
    """A picture source has delivered its last frame, as a file does; reopening it won't help."""


class EncoderError(HardwareError):
    """Pictures can't be encoded to H.264 here."""


class MaskError(EdgeAgentError):
    """The privacy masks of a camera are unknown, so the camera must stay off."""


class ModelError(EdgeAgentError):
    """A model is missing, was altered, or is not what its manifest promises."""


class ModelRefusedError(ModelError):
    """A model exists but must not run: nobody vouches for it, or it is not the one that was vouched for."""


class DelegateError(ModelError):
    """A delegate, which runs a model instead of the processor, can't be loaded or can't run this model."""


class CopiedCard(BrokerError):  # noqa: N818 - what is so
    """The device's credentials belong to another board: no broker may take this device for that one."""


class MessageRefused(BrokerError):  # noqa: N818 - a verdict, as the broker's own
    """This broker will never take this message, for example because it is larger than the broker allows."""


class UnwritableError(StorageError):
    """The disk can be read but not written: it is read-only."""


class DiskFullError(UnwritableError):
    """There is no room left on the disk."""


class DamagedError(StorageError):
    """A database can be read, but its content is not what was written; only a new database helps."""


class DirectoryInUseError(StorageError):
    """Another agent uses the state directory."""


class StepFailed(EdgeAgentError):  # noqa: N818 - a verdict
    """A step of the self-test found something wrong."""
