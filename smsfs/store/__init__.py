"""The durable truth: accounts, files, batches, slices and outcomes."""
