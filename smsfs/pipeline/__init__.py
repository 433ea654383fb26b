"""From a submitted file to messages that left."""
