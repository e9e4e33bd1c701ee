"""The centre's commands: verified, remembered, executed once, answered."""
