"""The clients that people send files with over FTP and FTPS, run as they run them; and a certificate."""

import stat
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.clients import Client

ADDRESSES = ("127.0.0.1", "::1")


def make_certificate(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """Make ``certificate.pem``, signed by itself for loopback, and ``key.pem``; their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name), *(x509.IPAddress(ip_address(address)) for address in ADDRESSES)]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    chain_file, key_file = folder / "certificate.pem", folder / "key.pem"
    chain_file.write_bytes(certificate.public_bytes(encoding))
    key_file.write_bytes(key.private_bytes(encoding, kind, serialization.NoEncryption()))
    key_file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return chain_file, key_file


@frozen
class FtpLogin:
    """Where and as whom a client logs in.

    Attributes:
        port: of FTP on 127.0.0.1.
        account: the name.
        password: its password.
        home: the client's home folder, for its configuration.
        certificate: the server's, which the client trusts; None for plain FTP.
        scheme: ``ftps`` where TLS begins with the first byte.
    """

    port: int
    account: str
    password: str
    home: Path
    certificate: Path | None = None
    scheme: str = "ftp"


class FtpClient(Client):
    """A program that uploads files over FTP or FTPS.

    Args:
        login: how.
    """

    def __init__(self, login: FtpLogin) -> None:
        self.ftp = login
        self.home = login.home

    @abstractmethod
    def rename(self, old: str, new: str) -> None:
        """Rename a file."""


class FtpLftp(FtpClient):
    """lftp."""

    def script(self, *commands: str) -> str:
        """Run commands in one session, up to the first that fails; what it printed."""
        login = self.ftp
        tls = (
            ("set ftp:ssl-force yes", f'set ssl:ca-file "{login.certificate}"')
            if login.certificate
            else ("set ftp:ssl-allow no",)
        )
        settings = (
            *("set net:max-retries 1", "set cmd:fail-exit yes", *tls),
            f"open -u {login.account},{login.password} {login.scheme}://127.0.0.1:{login.port}",
        )
        return self.run("lftp", "-c", "; ".join([*settings, *commands]))

    def send(self, file: Path) -> str:
        """Put, mv, list in one session."""
        return self.script(f'put "{file}"', f'mv "{file.name}" "{file.name}.ready"', "cls -1")

    def put(self, file: Path, target: str) -> None:
        """Put under the final name."""
        self.script(f'put "{file}" -o "{target}"')

    def rename(self, old: str, new: str) -> None:
        """In a session of its own."""
        self.script(f'mv "{old}" "{new}"')

    def fetch(self, name: str, target: Path) -> None:
        """Get in a session of its own."""
        self.script(f'get "{name}" -o "{target}"')


class FtpCurl(FtpClient):
    """Curl: one call uploads and renames after it, another lists."""

    def call(self, *arguments: str) -> str:
        """Run curl; what it printed."""
        login = self.ftp
        options = ("--silent", "--show-error", "--user", f"{login.account}:{login.password}")
        tls = ("--ssl-reqd", "--cacert", str(login.certificate)) if login.certificate else ()
        return self.run("curl", *options, *tls, *arguments)

    def _url(self, name: str = "") -> str:
        return f"{self.ftp.scheme}://127.0.0.1:{self.ftp.port}/{quote(name)}"

    def send(self, file: Path) -> str:
        """Upload with ``-T``; rename with ``-Q`` after it."""
        rename = ("--quote", f"-RNFR {file.name}", "--quote", f"-RNTO {file.name}.ready")
        self.call("--upload-file", str(file), *rename, self._url(file.name))
        return self.call("--list-only", self._url())

    def put(self, file: Path, target: str) -> None:
        """Upload with ``-T``."""
        self.call("--upload-file", str(file), self._url(target))

    def rename(self, old: str, new: str) -> None:
        """By quoted commands; the server's words are in the trace."""
        self.call("--verbose", "--quote", f"RNFR {old}", "--quote", f"RNTO {new}", self._url())

    def fetch(self, name: str, target: Path) -> None:
        """Download."""
        self.call("--output", str(target), self._url(name))


class FtpRclone(FtpClient):
    """Rclone: copyto, moveto, lsf, each a call of its own."""

    def call(self, *arguments: str) -> str:
        """Run rclone; ``remote:`` in arguments is the server."""
        login = self.ftp
        hidden = self.run("rclone", "obscure", login.password).strip()
        remote = f":ftp,host=127.0.0.1,port={login.port},user={login.account},pass={hidden}"
        # its FTP trusts no certificate but those of the system
        tls = "tls" if login.scheme == "ftps" else "explicit_tls"
        remote += f",{tls}=true,no_check_certificate=true:" if login.certificate else ":"
        return self.run("rclone", "--retries", "1", *(text.replace("remote:", remote) for text in arguments))

    def send(self, file: Path) -> str:
        """Copy to, move to, list."""
        self.call("copyto", str(file), f"remote:{file.name}")
        self.rename(file.name, f"{file.name}.ready")
        return self.call("lsf", "remote:")

    def put(self, file: Path, target: str) -> None:
        """Copy to, which looks for the file at the end."""
        self.call("copyto", str(file), f"remote:{target}")

    def rename(self, old: str, new: str) -> None:
        """Move to."""
        self.call("moveto", f"remote:{old}", f"remote:{new}")

    def fetch(self, name: str, target: Path) -> None:
        """Copy to a local file."""
        self.call("copyto", f"remote:{name}", str(target))
