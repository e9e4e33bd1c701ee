"""What goes over the wire: messages, topics, commands, identity.

It imports nothing of ours; whoever consumes our messages may import it.
"""
