"""SMPP 3.4, the protocol that carriers and SMS providers speak."""
