"""The nightly self-test and its steps."""
