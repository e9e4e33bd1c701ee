"""The page that a device serves to a technician's phone: a process of its own, there only while it is asked for.

It knows the device by the tap and by the file that asks for it, and nothing else of the agent's.
"""
