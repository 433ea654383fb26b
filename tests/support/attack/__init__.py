"""Floods against a running server, side by side with a customer whose waiting is measured."""
