"""``python -m smsfs``."""

from smsfs.cli import main

main()
