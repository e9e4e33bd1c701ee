"""What the composition roots share: the settings as plain values for each part, and parts put together."""
