"""Orders from afar that change the device: settings, keys and a reboot; checked, tried, confirmed or taken back."""
