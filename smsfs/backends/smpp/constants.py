"""The numbers of SMPP 3.4: commands, statuses, optional parameters, and the bits of ``esm_class``."""

from enum import IntEnum

#: What ``interface_version`` says in a bind.
VERSION = 0x34
#: The bit that makes a command's response of it.
RESPONSE = 0x80000000


class Command(IntEnum):
    """``command_id`` (section 5.1.2.1)."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    QUERY_SM = 0x03
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    BIND_TRANSCEIVER = 0x09
    OUTBIND = 0x0B
    ENQUIRE_LINK = 0x15
    DATA_SM = 0x103
    GENERIC_NACK = 0x80000000
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER_RESP = 0x80000002
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM_RESP = 0x80000005
    UNBIND_RESP = 0x80000006
    BIND_TRANSCEIVER_RESP = 0x80000009
    ENQUIRE_LINK_RESP = 0x80000015
    DATA_SM_RESP = 0x80000103


class Status(IntEnum):
    """``command_status`` (section 5.1.3), named as there without ``ESME_``."""

    ROK = 0x00
    RINVMSGLEN = 0x01
    RINVCMDLEN = 0x02
    RINVCMDID = 0x03
    RINVBNDSTS = 0x04
    RALYBND = 0x05
    RINVPRTFLG = 0x06
    RINVREGDLVFLG = 0x07
    RSYSERR = 0x08
    RINVSRCADR = 0x0A
    RINVDSTADR = 0x0B
    RINVMSGID = 0x0C
    RBINDFAIL = 0x0D
    RINVPASWD = 0x0E
    RINVSYSID = 0x0F
    RCANCELFAIL = 0x11
    RREPLACEFAIL = 0x13
    RMSGQFUL = 0x14
    RINVSERTYP = 0x15
    RINVESMCLASS = 0x43
    RSUBMITFAIL = 0x45
    RINVSRCTON = 0x48
    RINVSRCNPI = 0x49
    RINVDSTTON = 0x50
    RINVDSTNPI = 0x51
    RINVSYSTYP = 0x53
    RTHROTTLED = 0x58
    RINVSCHED = 0x61
    RINVEXPIRY = 0x62
    RINVDFTMSGID = 0x63
    RX_T_APPN = 0x64
    RX_P_APPN = 0x65
    RX_R_APPN = 0x66
    RINVOPTPARSTREAM = 0xC0
    ROPTPARNOTALLWD = 0xC1
    RINVPARLEN = 0xC2
    RMISSINGOPTPARAM = 0xC3
    RINVOPTPARAMVAL = 0xC4
    RDELIVERYFAILURE = 0xFE
    RUNKNOWNERR = 0xFF


#: Status -> what the other side says with it, as a clause.
_MEANING = {
    Status.ROK: "no error",
    Status.RINVMSGLEN: "the length of the message is wrong",
    Status.RINVCMDLEN: "the length of the command is wrong",
    Status.RINVCMDID: "the command is not known",
    Status.RINVBNDSTS: "the link is not bound for this command",
    Status.RALYBND: "the link is bound already",
    Status.RINVPRTFLG: "the priority is not allowed",
    Status.RINVREGDLVFLG: "this kind of receipt is not allowed",
    Status.RSYSERR: "the carrier has a fault",
    Status.RINVSRCADR: "the sender is not allowed",
    Status.RINVDSTADR: "the recipient's number is not allowed",
    Status.RINVMSGID: "the message id is not known",
    Status.RBINDFAIL: "the login failed",
    Status.RINVPASWD: "the password is wrong",
    Status.RINVSYSID: "the system_id is not known",
    Status.RMSGQFUL: "the carrier's queue is full",
    Status.RINVSERTYP: "the service type is not allowed",
    Status.RINVESMCLASS: "the esm_class is not allowed",
    Status.RSUBMITFAIL: "the carrier could not take the message",
    Status.RINVSRCTON: "the sender's type of number is not allowed",
    Status.RINVSRCNPI: "the sender's numbering plan is not allowed",
    Status.RINVDSTTON: "the recipient's type of number is not allowed",
    Status.RINVDSTNPI: "the recipient's numbering plan is not allowed",
    Status.RINVSYSTYP: "the system type is not allowed",
    Status.RTHROTTLED: "too many messages at a time",
    Status.RINVSCHED: "the time of delivery is not allowed",
    Status.RINVEXPIRY: "the validity period is not allowed",
    Status.RX_T_APPN: "the receiver has a passing fault",
    Status.RX_P_APPN: "the receiver has a lasting fault",
    Status.RX_R_APPN: "the receiver refuses the message",
    Status.RINVOPTPARSTREAM: "the optional parameters are garbled",
    Status.ROPTPARNOTALLWD: "an optional parameter is not allowed",
    Status.RINVPARLEN: "the length of an optional parameter is wrong",
    Status.RMISSINGOPTPARAM: "an optional parameter is missing",
    Status.RINVOPTPARAMVAL: "the value of an optional parameter is wrong",
    Status.RDELIVERYFAILURE: "the delivery failed",
    Status.RUNKNOWNERR: "the carrier gives no reason",
}


def status_name(status: int) -> str:
    """Such as ``"ESME_RTHROTTLED"``; a vendor's own status is ``"0x00000400"``."""
    try:
        return f"ESME_{Status(status).name}"
    except ValueError:
        return f"0x{status:08X}"


def status_meaning(status: int) -> str:
    """A clause without a full stop that says what a status means."""
    return _MEANING.get(status, "a status of the carrier's own")  # type: ignore[call-overload, no-any-return]


class Tag(IntEnum):
    """Tags of optional parameters (section 5.3.2); others are kept as they come."""

    DEST_ADDR_SUBUNIT = 0x0005
    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MORE_MESSAGES_TO_SEND = 0x0426
    MESSAGE_STATE = 0x0427


#: ``esm_class``: a user data header opens the message.
UDHI = 0x40
#: ``esm_class``: the bits that distinguish a receipt from a message.
MESSAGE_TYPE = 0x3C
#: ``esm_class`` under :data:`MESSAGE_TYPE`: the final receipt, and one on the way.
RECEIPT, INTERMEDIATE = 0x04, 0x20
