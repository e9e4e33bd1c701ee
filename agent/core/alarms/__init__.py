"""An alarm from the press to its close, and what the lamps and the siren say of it. Pure."""
