"""SFTP: our own version 3 subsystem on asyncssh's transport."""

from smsfs.frontends.authenticator import KeyAuthenticator as Authenticator
from smsfs.frontends.sftp.server import SftpServer, start
from smsfs.frontends.sftp.settings import SftpSettings

__all__ = ["Authenticator", "SftpServer", "SftpSettings", "start"]
