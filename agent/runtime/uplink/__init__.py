"""The connection to a broker, and the choice of another."""
