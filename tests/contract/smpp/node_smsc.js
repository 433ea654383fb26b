// An SMSC on node-smpp: accepts what comes, and writes each PDU it understood as a line of JSON.
const smpp = require("smpp");

let number = 0;
const server = smpp.createServer((session) => {
  session.on("error", () => session.close());
  for (const bind of ["bind_transmitter", "bind_transceiver"]) {
    session.on(bind, (pdu) => {
      const wrong = pdu.password !== "secret";
      session.send(pdu.response({ command_status: wrong ? smpp.ESME_RINVPASWD : smpp.ESME_ROK }));
      if (wrong) session.close();
      else setTimeout(() => session.enquire_link({}, () => report({ enquired: true })), 50);
    });
  }
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
    session.send(pdu.response({ message_id: (++number).toString(16) }));
  });
});

function report(what) {
  process.stdout.write(JSON.stringify(what) + "\n");
}

server.listen(0, "127.0.0.1", () => report({ port: server.address().port }));
