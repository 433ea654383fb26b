"""The pages about moving from another service, followed word by word."""

import contextlib
import csv
import ftplib
import io
import json
import re
import shlex
import socket
import ssl
from collections import Counter
from datetime import UTC, datetime

import paramiko
import pytest

from smsfs.simulator.http.posts import KINDS
from tests.support.http_carrier import HttpCarrier, call
from tests.support.moving import PASSWORD, Page
from tests.support.server import Server, wait_for

ROWS, SECRET, LOGIN = 3, "secret-0123456789", "0f0e1a2b-3c4d-5e6f-7a8b-9c0d1e2f3a4b"


def number(stem, row):
    """A recipient; ids may have the number in them, and begin anew with each simulator."""
    return f"{32_470_000_000 + 1000 * ord(stem) + row}"


class Move:
    """A page, the service that it is about, and what the old program does, by class.

    Attributes:
        name: of the page's file.
        provider: by which messages leave.
        secret_file: which the page has made, for what is pasted into it.
        token: of the simulated provider.
        broke: the provider's code for an account without credit.
        login: of the program.
    """

    secret_file, token, login = "gateway.secret", f"{LOGIN}:{SECRET}", "acme"

    def __init__(self):
        self.page = Page(self.name)

    def make_account(self, installation):
        """As the page's commands do."""
        line = self.page.command("smsfs account add").split("\n")[0]
        name, *options = line.removeprefix("smsfs account add ").split()
        installation.run("account", "add", name, *options, "--password-stdin", text=PASSWORD + "\n")

    def ftp(self, server):
        """The old program's connection, without TLS where the page allows that."""
        client = ftplib.FTP()  # noqa: S321 - as the old program does
        client.connect("127.0.0.1", server.ftp_port, timeout=20)
        client.login(self.login, PASSWORD)
        return contextlib.closing(client)

    @contextlib.contextmanager
    def sftp(self, server):
        """The old program's session."""
        with contextlib.closing(
            paramiko.Transport(socket.create_connection(("127.0.0.1", server.port)))
        ) as raw:
            raw.connect(username=self.login, password=PASSWORD)
            yield paramiko.SFTPClient.from_transport(raw)

    def headers(self, post, secret):
        """Of a call of the webhook, with the secret as the page has it entered."""
        return {**post.headers, "X-Hook-Secret": secret}

    def results(self, server):
        """The state of each row of the first file's result file."""
        with self.ftp(server) as client:
            found = []
            [name, *_] = sorted(client.nlst("results"))
            client.retrlines(f"RETR results/{name.rpartition('/')[2]}", found.append)
        return [row["state"] for row in csv.DictReader(found, strict=True)]


class GatewayApi(Move):
    """Uploads, renames, and looks until the name says how it went."""

    name, provider, secret_file, broke = "moving-from-gatewayapi", "gatewayapi", "gateway.token", "0x0216"
    token = SECRET
    ending, old = "csv", ("msisdn,message\n4512345678,Hello\n", "msisdn,text\n4512345678,Hello\n")
    wrong = "text"

    def text(self, stem):
        """A file."""
        rows = "".join(f"{number(stem, row)},Row {row} of {stem}\n" for row in range(ROWS))
        return f"msisdn,message\n{rows}".encode()

    def upload(self, stem, client):
        """Over FTP or SFTP."""
        if isinstance(client, ftplib.FTP):
            client.storbinary(f"STOR {stem}.csv", io.BytesIO(self.text(stem)))
            names = client.nlst
        else:
            client.putfo(io.BytesIO(self.text(stem)), f"{stem}.csv")
            names = client.listdir
        client.rename(f"{stem}.csv", f"{stem}.csv.ready")
        form = re.compile(rf"{stem}\.csv\.\d{{8}}T\d{{6}}\.success")
        wait_for(lambda: any(map(form.fullmatch, names())), f"{stem} to be .success")

    def headers(self, post, secret):
        """It signs."""
        return dict(KINDS[self.provider].sign(post, secret, 0).headers)


class SmsPortal(Move):
    """Uploads into a folder, and looks until the file is in another."""

    name, provider, broke = "moving-from-smsportal", "smsportal", "InsufficientCredits"
    ending = "json"
    old = tuple(
        f'version: 7\n{{"message_template": "Hello", "contacts": [{{"msisdn": "{number}"}}]}}'
        for number in ("27831234567", "1111111111")
    )
    wrong = "1111111111"

    def text(self, stem):
        """A file."""
        contacts = [{"msisdn": number(stem, row), "values": {"value1": f"{row}"}} for row in range(ROWS)]
        document = {"message_template": f"Row @@value1@@ of {stem}", "contacts": contacts}
        return f"version: 7\n{json.dumps(document)}".encode()

    def upload(self, stem, client):
        """Over FTP or SFTP."""
        if isinstance(client, ftplib.FTP):
            client.storbinary(f"STOR Send_SMS/{stem}.json", io.BytesIO(self.text(stem)))
            listed = lambda: [name.rpartition("/")[2] for name in client.nlst("Processed")]  # noqa: E731
        else:
            client.putfo(io.BytesIO(self.text(stem)), f"Send_SMS/{stem}.json", confirm=False)
            listed = lambda: client.listdir("Processed")  # noqa: E731
        wait_for(lambda: f"{stem}.json" in listed(), f"{stem} in Processed")


class Naxai(Move):
    """Uploads over FTPS or SFTP, and looks until the file is gone."""

    name, provider, login, broke = "moving-from-naxai", "naxai", "leads", "forbidden"
    ending, old = "csv", ("phone,name,day\n32476123456,Ann,Monday\n", "phone,name\n32476123456,Ann\n")
    wrong = "day"

    def make_account(self, installation):
        """Also its connector."""
        first, second = self.page.command("smsfs account add").strip().split("\n")
        installation.run(*first.split()[1:], "--password-stdin", text="another one\n")
        old = installation.folder / "old"
        old.mkdir()
        (old / "sample.csv").write_text(self.old[0], encoding="utf-8")
        words = [word.replace("old/sample.csv", str(old / "sample.csv")) for word in shlex.split(second)[1:]]
        installation.run(*words, text=PASSWORD + "\n")

    def ftp(self, server):
        """With TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = ftplib.FTP_TLS(context=context, timeout=20)  # noqa: S321 - as the old program does
        client.connect("127.0.0.1", server.ftp_port)
        client.login(self.login, PASSWORD)
        client.prot_p()
        return contextlib.closing(client)

    def text(self, stem):
        """A file."""
        rows = "".join(f"{number(stem, row)},Ann {row},{stem}\n" for row in range(ROWS))
        return f"phone,name,day\n{rows}".encode()

    def upload(self, stem, client):
        """Over FTPS or SFTP."""
        if isinstance(client, ftplib.FTP):
            client.storbinary(f"STOR {stem}.csv", io.BytesIO(self.text(stem)))
            listed = client.nlst
        else:
            client.putfo(io.BytesIO(self.text(stem)), f"{stem}.csv", confirm=False)
            listed = client.listdir
        gone = lambda: not any(name.startswith(f"{stem}.csv") for name in listed())  # noqa: E731
        wait_for(gone, f"{stem} to be gone")

    def results(self, server):
        """Of the report, of which there are twice as many rows."""
        done = server.installation.run("report", "leads", "--day", f"{datetime.now(UTC):%Y-%m-%d}")
        rows = list(csv.DictReader(io.StringIO(done.stdout, newline=""), strict=True))
        return ["delivered" for row in rows if row["statusReason"] == "200-delivered"][:ROWS]


MOVES = {move.provider: move for move in (GatewayApi, SmsPortal, Naxai)}


@pytest.fixture(params=MOVES)
def move(request):
    """A page, and the program of its reader."""
    return MOVES[request.param]()


@pytest.fixture
def moved(move, tmp_path, certificate):
    """A provider, and a server that was set up by the page, its secret still wrong."""
    carrier = HttpCarrier(tmp_path, move.provider)
    with carrier.running("--token", move.token):
        pass  # it has a port now
    installation = move.page.set_up(carrier, tmp_path / "smsfs", certificate)
    (installation.folder / move.secret_file).write_text("mistyped-secret", encoding="utf-8")
    move.make_account(installation)
    return carrier, installation


def states(server):
    """How many messages are in each state."""
    return Counter(row["state"] for row in server.installation.rows("messages"))


def gateway(server):
    """What ``smsfs backends`` says of the carrier."""
    return next(row for row in server.installation.rows("backends") if row["backend"] == "gateway")


def report(move, server, messages, secret):
    """Post a receipt for each message, with this secret; the statuses of the answers."""
    [shown] = server.installation.rows("backend", "show", "gateway")
    path = shown["webhook"].removeprefix("https://sms.example.com")
    posts = [KINDS[move.provider].receipt(item, "delivered", "", 1_796_038_556)[0] for item in messages]
    address = f"http://127.0.0.1:{server.web_port}{path}"
    return {call(address, post.body, move.headers(post, secret)) for post in posts}


@pytest.mark.slow
def test_a_day_of_a_customer(move, moved):
    """A customer who moves by the page could not go on, or would lose or double messages on a bad day."""
    carrier, installation = moved
    with Server(installation) as server:
        with carrier.running("--token", move.token):  # the secret was mistyped
            with move.ftp(server) as client:
                move.upload("a", client)
            wait_for(lambda: gateway(server)["state"] == "down", "the carrier to be down")
            assert states(server) == {"queued": ROWS}
            (installation.folder / move.secret_file).write_text(SECRET, encoding="utf-8")
            wait_for(lambda: states(server) == {"submitted": ROWS}, "the first file to leave", pause=0.1)
        with move.sftp(server) as client:
            move.upload("b", client)  # nobody answers there
        assert states(server)["submitted"] == ROWS
        with carrier.running("--token", move.token, "--error", move.broke):  # the credit is used up
            refused = ("credit", "does not let this account send")
            wait_for(
                lambda: any(words in gateway(server)["reason"] for words in refused), "the lack of credit"
            )
            assert states(server)["submitted"] == ROWS
        with carrier.running("--token", move.token):
            wait_for(lambda: states(server) == {"submitted": 2 * ROWS}, "the second file to leave", pause=0.1)
        taken = carrier.received()
        assert max(Counter(message.text for message in taken).values()) == 1
        secret = (installation.folder / "hook.secret").read_text(encoding="utf-8").strip()
        assert report(move, server, taken, "another") == {401}
        assert report(move, server, taken, secret) == {200}
        wait_for(lambda: states(server) == {"delivered": 2 * ROWS}, "the receipts", pause=0.1)
        wait_for(lambda: move.results(server) == ["delivered"] * ROWS, "the result file", pause=0.1)


def test_last_months_files_are_tried(move, moved):
    """A customer would find out with the first real file that its columns are refused."""
    _, installation = moved
    old = installation.folder / "old"
    old.mkdir(exist_ok=True)
    (loop,) = [block for block in move.page.blocks() if block.startswith("for file in old/")]
    command = re.search(r'do smsfs (.*) "\$file"(.*); done', loop)
    good, bad = (old / f"{name}.{move.ending}" for name in ("good", "bad"))
    for path, text in zip((good, bad), move.old, strict=True):
        path.write_text(text, encoding="utf-8")
    done = [
        installation.run(*command[1].split(), str(path), *command[2].split(), check=False)
        for path in (good, bad)
    ]
    assert (done[0].returncode, done[1].returncode) == (0, 1)
    assert move.wrong in done[1].stdout + done[1].stderr
