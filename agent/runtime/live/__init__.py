"""Live view: who looks through which camera, and the pictures for them."""
