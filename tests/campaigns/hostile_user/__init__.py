"""Each command that root runs, beside an attacker who has the rights of the service's user."""
