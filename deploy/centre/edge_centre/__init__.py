"""The office: the centre's library, its commands, registrar and kit."""

from agent import __version__ as __version__
