"""The process that puts segments of recordings to a store."""
