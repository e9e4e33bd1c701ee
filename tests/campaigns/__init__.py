"""Long runs: measurements, storms, emulations, mutants. Each is a command, with a short form in the suite."""
