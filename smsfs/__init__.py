"""A filesystem that sends text messages."""

__version__ = "0.1.0"
