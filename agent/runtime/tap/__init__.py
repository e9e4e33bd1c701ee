"""The local stream of what the agent publishes, for whoever stands in front of the device."""
