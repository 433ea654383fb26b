"""An SMSC on smpp.twisted3: accepts what comes, and writes each PDU it understood as a line of JSON.

Run by the interpreter of an environment that has the library. ``deliver`` as an argument: each message is
followed by its receipt, and by a long answer from its recipient. ``quiet``: it asks for no signs of life.
"""

import itertools
import json
import sys

from smpp.pdu.operations import DeliverSM
from smpp.pdu.pdu_types import (
    AddrNpi,
    AddrTon,
    CommandStatus,
    DataCoding,
    DataCodingDefault,
    EsmClass,
    EsmClassGsmFeatures,
    EsmClassMode,
    EsmClassType,
    MessageState,
)
from smpp.pdu.sm_encoding import SMStringEncoder
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse, SMPPServerProtocol
from smpp.twisted.server import SMPPServerFactory
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import reactor

REPLY = ["Да, ", "приду 😀"]
HEADER = bytes((5, 0, 3, 7, len(REPLY)))
#: The library prints, too: not among the reports.
output, sys.stdout = sys.stdout, sys.stderr
numbers = itertools.count(1)
decoder = SMStringEncoder()


def report(**what):
    """Write a line."""
    output.write(json.dumps(what) + "\n")
    output.flush()


class Portal:
    """Lets in whoever has the password."""

    def login(self, credentials, _mind, interface):
        """Who it is."""
        if (credentials.username, credentials.password) != ("smsfs", "secret"):
            raise UnauthorizedLogin
        return interface, credentials.username, lambda: None


class Protocol(SMPPServerProtocol):
    """Reports what else is said on a link."""

    def onPDURequest_enquire_link(self, request):  # noqa: N802 - the library's name
        """The client looks whether the link lives."""
        super().onPDURequest_enquire_link(request)
        report(enquired=True)

    def onPDURequest_unbind(self, request):  # noqa: N802 - the library's name
        """The client takes leave."""
        super().onPDURequest_unbind(request)
        report(unbound=True)

    def PDUResponseReceived(self, response):  # noqa: N802 - the library's name
        """The client answers."""
        super().PDUResponseReceived(response)
        report(answered=response.id.name, status=response.status.name)


def take(_system_id, link, pdu):
    """Answer a submit_sm."""
    number, params = str(next(numbers)), pdu.params
    if params["destination_addr"].endswith(b"99"):
        return CommandStatus.ESME_RINVDSTADR
    report(**content(pdu), id=number)
    if "deliver" in sys.argv:
        reactor.callLater(0, deliver, link, params, number)
    return DataHandlerResponse(CommandStatus.ESME_ROK, message_id=number.encode())


def content(pdu):
    """What came, as the library understands it."""
    params = pdu.params
    params["short_message"] = params.get("message_payload") or params["short_message"]
    found, place = decoder.decodeSM(pdu), (1, 1)
    if found.udh:
        joined = decoder.findConcatenatedSMInfoElement(found.udh).data
        place = (joined.maximumNum, joined.sequenceNum)
    elif params.get("sar_total_segments"):
        place = (params["sar_total_segments"], params["sar_segment_seqnum"])
    return {
        "text": found.unicode,
        "place": place,
        "alphabet": params["data_coding"].schemeData.name,
        "source": [params["source_addr_ton"].name, params["source_addr"].decode()],
        "destination": [params["dest_addr_ton"].name, params["destination_addr"].decode()],
    }


def deliver(link, params, number):
    """Send a receipt, and an answer in parts."""
    receipt = (
        f"id:{number} sub:001 dlvrd:001 submit date:2601020304 done date:2601020305 stat:DELIVRD err:000"
    )
    about = {"receipted_message_id": number.encode(), "message_state": MessageState.DELIVERED}
    send(link, params, receipt.encode(), EsmClassType.SMSC_DELIVERY_RECEIPT, **about)
    for place, text in enumerate(REPLY, 1):
        data = HEADER + bytes((place,)) + text.encode("utf-16-be")
        coding = DataCoding(schemeData=DataCodingDefault.UCS2)
        features = [EsmClassGsmFeatures.UDHI_INDICATOR_SET]
        send(link, params, data, EsmClassType.DEFAULT, features, data_coding=coding)


def send(link, params, data, kind, features=(), **more):
    """Send a deliver_sm from the recipient of a message to its sender."""
    pdu = DeliverSM(
        source_addr=params["destination_addr"],
        source_addr_ton=AddrTon.INTERNATIONAL,
        source_addr_npi=AddrNpi.ISDN,
        destination_addr=params["source_addr"],
        esm_class=EsmClass(EsmClassMode.DEFAULT, kind, features),
        short_message=data,
        **more,
    )
    link.sendDataRequest(pdu).addErrback(lambda failure: report(error=failure.getErrorMessage()))


def main():
    """Listen on a free port of loopback."""
    config = SMPPServerConfig(
        msgHandler=take,
        systems={"smsfs": {"max_bindings": 4}},
        enquireLinkTimerSecs=30 if "quiet" in sys.argv else 0.2,
    )
    factory = SMPPServerFactory(config, Portal())
    factory.protocol = Protocol
    report(port=reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port)
    reactor.run()


main()
