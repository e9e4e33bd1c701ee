"""What an uploaded segment of a recording is called, as ONVIF's Recording Control has it behind its prefix."""

OBJECT_NAME = r"^[a-z0-9-]{1,64}/\d{4}-\d\d-\d\d/\d\d/\d\d-\d\d\.\d{3}Z\.\d{1,9}(\.mp4|_end)$"
"""Camera, day, hour, minute and second at which it begins (UTC), and its number."""
