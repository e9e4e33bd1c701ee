"""Judges what `edge-agent doctor` finds. Pure: facts come in, findings go out."""
