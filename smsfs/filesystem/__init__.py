"""The virtual filesystem: every frontend calls this and nothing else."""

from smsfs.filesystem.account import AccountFilesystem
from smsfs.filesystem.all_accounts import AllAccounts, Filesystems
from smsfs.filesystem.entry import Entry, Usage
from smsfs.filesystem.folder import OpenFolder
from smsfs.filesystem.interface import Filesystem
from smsfs.filesystem.openfile import OpenFile
from smsfs.filesystem.rights import Access, Right, Rights, check_open

__all__ = [
    "Access",
    "AccountFilesystem",
    "AllAccounts",
    "Entry",
    "Filesystem",
    "Filesystems",
    "OpenFile",
    "OpenFolder",
    "Right",
    "Rights",
    "Usage",
    "check_open",
]
