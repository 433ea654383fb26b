"""The wing of ``smsfs worker reports``: what became of messages, for clients and operators to read."""
