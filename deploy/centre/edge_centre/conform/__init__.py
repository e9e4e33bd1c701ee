"""Graders of the contract: one plays devices for a subscriber, one examines a device. Both end in a signed report."""
