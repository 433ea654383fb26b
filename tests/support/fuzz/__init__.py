"""Random and damaged input for everything that reads bytes of strangers: no traceback, no hang, no loss."""
