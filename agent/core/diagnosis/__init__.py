"""What `edge-agent doctor` makes of what it finds. Pure: facts come in, findings go out."""
