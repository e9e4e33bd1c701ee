"""The format of what a camera records: clips, their manifests, and the chain that they are in."""
