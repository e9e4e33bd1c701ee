"""The checks behind `edge-agent doctor`: each looks at one part for real, in a process of its own."""
