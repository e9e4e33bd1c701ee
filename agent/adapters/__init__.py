"""One vendor library per module, each behind a port and imported only when it is used."""
