"""The dialects as those see them who upload files: names, documents, and where is told what.

In names, ``{}`` stands for what a file is called; in patterns of names, ``*`` and ``?`` are as in a shell.
"""

import json
from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

#: Recipients with their texts.
Rows = Sequence[tuple[str, str]]
WRONG_NUMBER = "12"
_TIME = "????????T??????"


@frozen
class System:
    """A dialect, and how an account of it is used.

    Attributes:
        dialect: its name.
        options: ``--set`` of the account, beside ``results=true``.
        waiting: a name under which a file waits.
        sends: the name that a waiting file is renamed to, or uploaded as, so that it is sent.
        straight: why nothing can be uploaded as ``sends``; empty where it can.
        flying: a pattern of the path while the file is processed.
        sent: a pattern of the path when its messages are sent; empty: it is out of sight.
        rejected: a pattern of the path when nothing was sent.
        told: a pattern of the path where the causes of a rejection are.
        told_part: a pattern of the path where the causes are for which some rows were not sent; empty:
            then none is.
        document: makes a file of messages.
        unreadable: a file of which nothing is sent.
        cause: what is told of it.
        wrong_number: what is told of a row with the number ``12``.
        repeated: what is told of a file that was uploaded before.
        refused: names that no client may give -> part of the sentence.
    """

    dialect: str
    options: tuple[str, ...]
    waiting: str
    sends: str
    straight: str
    flying: str
    sent: str
    rejected: str
    told: str
    told_part: str
    document: Callable[[Rows], bytes]
    unreadable: bytes
    cause: str
    wrong_number: str
    repeated: str
    refused: Mapping[str, str] = field(factory=dict)


def _table(header: str) -> Callable[[Rows], bytes]:
    return lambda rows: "".join([header, *(f"{number},{text}\n" for number, text in rows)]).encode()


def _portal_document(rows: Rows) -> bytes:
    contacts = [{"msisdn": number, "message": text} for number, text in rows]
    return b"version: 7\n" + json.dumps({"contacts": contacts}).encode()


GATEWAYAPI = System(
    dialect="gatewayapi",
    options=(),
    waiting="{}.csv",
    sends="{}.csv.ready",
    straight="pload it under another name first",
    flying=f"{{}}.csv.{_TIME}.processing",
    sent=f"{{}}.csv.{_TIME}.success",
    rejected=f"{{}}.csv.{_TIME}.rejected",
    told=f"{{}}.csv.{_TIME}.rejected",
    told_part="",
    document=_table("msisdn,message\n"),
    unreadable=b"msisdn,message,colour\n4510000001,hello,red\n",
    cause='line 1: column "colour" is unknown',
    wrong_number='line 3, column msisdn: "12"',
    repeated="a file of this name with the same bytes was accepted",
    refused={
        "{}.success": "are given by the server",
        "{}.rejected": "are given by the server",
        "{}.processing": "are given by the server",
    },
)
SMSPORTAL = System(
    dialect="smsportal",
    options=("check_networks=false",),
    waiting="Send_SMS/{}.json.part",
    sends="Send_SMS/{}.json",
    straight="",
    flying="Send_SMS/{}.json",
    sent="Processed/{}.json",
    rejected="Errors/{}.json",
    told="Errors/{}.json.errors.txt",
    told_part="Errors/{}.json.errors.txt",
    document=_portal_document,
    unreadable=b'version: 6\n{"message_template": "hello", "contacts": [{"msisdn": "4510000001"}]}',
    cause="File.InvalidVersion",
    wrong_number="contact 2 (12)",
    repeated="File.DuplicateFound",
    refused={
        "Processed/{}.json": "Only the server puts files into Processed",
        "Errors/{}.txt": "Only the server puts files into Errors",
    },
)
NAXAI = System(
    dialect="naxai",
    options=("template={{ text }}", "protocols=sftp,ftps,ftp"),
    waiting="{}.csv.part",
    sends="{}.csv",
    straight="",
    flying="{}.csv",
    sent="",
    rejected="{}.csv.rejected",
    told="{}.csv.rejected",
    told_part="{}.csv.errors",
    document=_table("phone,text\n"),
    unreadable=b"phone,first name\n4510000001,hello\n",
    cause="first name",
    wrong_number='line 3, column phone: "12"',
    repeated="a file of this name with the same bytes was accepted",
    refused={
        "{}.csv.rejected": "are the server's",
        "{}.errors": "are the server's",
        "status_2026-11-22.csv": "are the server's",
    },
)
SYSTEMS = (GATEWAYAPI, SMSPORTAL, NAXAI)
