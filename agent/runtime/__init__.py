"""The working parts of the core process: alarms, uplink, commands, cameras, self-test and supervision."""
