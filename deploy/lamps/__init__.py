"""What the lamps say: the picture for the README and the poster for a kiosk. Writes: `python -m deploy.lamps`."""
