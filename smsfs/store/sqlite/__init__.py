"""The store of a single host."""
