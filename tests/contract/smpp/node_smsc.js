// An SMSC on node-smpp: accepts what comes, delivers receipts and replies, and writes each PDU it understood
// as a line of JSON. Its argument: {"replies": [TEXT, ...], "by": "deliver_sm" or "data_sm", "unbind": BOOL}.
const smpp = require("smpp");

const told = JSON.parse(process.argv[2] || "{}");
const by = told.by || "deliver_sm";
const waiting = (told.replies || []).flatMap(parts);
const receivers = [];
let number = 0;

const server = smpp.createServer((session) => {
  session.on("error", () => session.close());
  for (const bind of ["bind_transmitter", "bind_receiver", "bind_transceiver"]) {
    session.on(bind, (pdu) => {
      const wrong = pdu.password !== "secret";
      session.send(pdu.response({ command_status: wrong ? smpp.ESME_RINVPASWD : smpp.ESME_ROK }));
      report({ bound: bind });
      if (wrong) return session.close();
      if (bind !== "bind_transmitter") {
        receivers.push(session);
        deliver();
      }
      setTimeout(() => session.enquire_link({}, () => report({ enquired: bind })), 50);
    });
  }
  session.on("close", () => receivers.includes(session) && receivers.splice(receivers.indexOf(session), 1));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    session.send(pdu.response(), null, () => session.close());
    report({ unbound: true });
  });
  session.on("submit_sm", (pdu) => {
    const header = pdu.short_message.udh;
    report({
      source: [pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr],
      destination: [pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr],
      text: pdu.short_message.message,
      header: header ? header.map((element) => element.toString("hex")) : null,
      sar: [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum],
      payload: pdu.message_payload ? pdu.message_payload.message || pdu.message_payload : null,
      data_coding: pdu.data_coding,
      validity_period: pdu.validity_period,
    });
    const id = ++number + 1000;
    session.send(pdu.response({ message_id: id.toString(16) }));
    if (pdu.registered_delivery & 1) {
      waiting.push(receipt(pdu, id));
      deliver();
    }
  });
});

// The answer gave the id in hexadecimal; receipts give it in decimal.
function receipt(pdu, id) {
  const good = number % 2;
  const addresses = { source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4 };
  const state = good ? 2 : 5;
  if (by === "data_sm") return { ...addresses, receipted_message_id: String(id), message_state: state };
  const stat = good ? "DELIVRD" : "UNDELIV";
  const text = `id:${id} sub:001 dlvrd:001 submit date:2609011230 done date:2609011231 stat:${stat} err:00${state}`;
  return { ...addresses, short_message: text + " text:Hi" };
}

// Cut as a careless phone would: between the halves of a surrogate pair, too.
function parts(text, place) {
  const gsm = smpp.encodings.ASCII.match(text);
  const addresses = { source_addr: "+4512345678", source_addr_ton: 1, destination_addr: "1204" };
  const each = { ...addresses, data_coding: gsm ? 0 : 8, esm_class: smpp.ESM_CLASS.UDH_INDICATOR };
  const pieces = text.match(gsm ? /[^]{1,153}/g : /[^]{1,67}/g);
  return pieces.map((message, index) => {
    const udh = Buffer.from([5, 0, 3, place, pieces.length, index + 1]);
    const content = { udh, message };
    return { ...each, [by === "data_sm" ? "message_payload" : "short_message"]: content };
  });
}

function deliver() {
  while (receivers.length && waiting.length) {
    const session = receivers[0];
    session[by](waiting.shift(), (answer) => {
      report({ delivered: answer.command, status: answer.command_status });
      if (told.unbind) {
        told.unbind = false;
        session.unbind({}, () => report({ unbound: "by the SMSC" }));
      }
    });
  }
}

function report(what) {
  process.stdout.write(JSON.stringify(what) + "\n");
}

server.listen(0, "127.0.0.1", () => report({ port: server.address().port }));
