"""What operators do and ask: verbs, each one transaction that is recorded, and searches.

The commands call this, and so does whatever else operators use. It knows the store and what its messages are,
and no command, door or backend.
"""
