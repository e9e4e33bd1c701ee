"""The package on an emulated Pi-like machine: its kernel, its systemd, its pins. `make emulation`."""
