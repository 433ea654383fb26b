"""The text message itself: alphabets, parts, numbers, senders."""
