"""Everything that goes over the wire: messages, topics, commands and identity.

This package imports nothing else of ours, so any consumer of the messages can import it.
"""
