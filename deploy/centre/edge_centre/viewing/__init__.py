"""What shows uploaded recordings to the control room: a small server of the office behind nginx, which reads the store.

It holds the right to read the store, so that no browser does, and keeps a record of who has looked.
"""
