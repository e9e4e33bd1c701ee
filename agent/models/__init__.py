"""Model files: where they lie, how they are checked, built and fetched. No part of the core imports this."""
