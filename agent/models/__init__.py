"""Model files: where they are stored, and how they are checked, built and fetched. The core never imports this."""
