"""What hangs beside a kiosk: lamps explained, drawn from the contract's table."""
