"""The wing of ``smsfs worker dispatch``: from stored messages to carriers, and back with their answers."""
