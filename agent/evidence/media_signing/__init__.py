"""ONVIF Media Signing: signs the pictures of a stream inside the stream, and verifies what was signed so."""
