"""Bytes to rows, pure: character sets, CSV."""
