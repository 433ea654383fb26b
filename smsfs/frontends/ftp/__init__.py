"""FTP and FTPS (explicit TLS): pyftpdlib's protocol machine on our filesystem, a thread for each client."""

from smsfs.frontends.ftp.server import Authenticator, FtpServer
from smsfs.frontends.ftp.settings import FtpSettings, passive_range, tls_context

__all__ = ["Authenticator", "FtpServer", "FtpSettings", "passive_range", "tls_context"]
