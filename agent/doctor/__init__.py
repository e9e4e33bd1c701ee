"""The checks behind `edge-agent doctor`: each tries one part for real, in a process of its own."""
