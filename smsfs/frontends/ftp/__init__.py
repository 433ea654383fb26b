"""FTP and FTPS (explicit TLS): pyftpdlib's protocol machine on our filesystem, a thread for each client."""

from smsfs.frontends.authenticator import Authenticator
from smsfs.frontends.certificate import Certificate
from smsfs.frontends.ftp.server import FtpServer
from smsfs.frontends.ftp.settings import FtpSettings, passive_range

__all__ = ["Authenticator", "Certificate", "FtpServer", "FtpSettings", "passive_range"]
