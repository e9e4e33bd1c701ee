"""ONVIF media signing, as whoever checks a film sees it."""
