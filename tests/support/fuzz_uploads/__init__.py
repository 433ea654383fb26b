"""Random and damaged input for whatever reads bytes of strangers: never a traceback, never a hang."""
