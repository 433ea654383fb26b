"""What is used of pyftpdlib: its loop, and the parts of its protocol machine that touch no files."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of asyncore, which it brings along itself from 3.12
    from pyftpdlib.handlers import DTPHandler, FTPHandler
    from pyftpdlib.handlers.ftp.dispatchers import ActiveDTP, PassiveDTP
    from pyftpdlib.ioloop import Acceptor, AsyncChat, IOLoop

__all__ = [
    "Acceptor",
    "ActiveDTP",
    "AsyncChat",
    "DTPHandler",
    "FTPHandler",
    "IOLoop",
    "PassiveDTP",
]
