"""Thin adapters from protocols to the filesystem."""
