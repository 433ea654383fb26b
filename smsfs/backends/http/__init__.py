"""Messages that leave over HTTP: the machinery once, and a small pure file for each provider."""
