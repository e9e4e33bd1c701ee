"""What both sides must read the same way and that needs a key or a library: keys, X.509, TLS, signed orders, claims."""
