// Reads texts, a JSON string a line; writes [encoding, parts, whether it has a grapheme of several characters].
const { SegmentedMessage } = require("sms-segments-calculator");

const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const found = new SegmentedMessage(JSON.parse(line));
  const joined = found.graphemes.some((grapheme) => [...grapheme].length > 1);
  process.stdout.write(JSON.stringify([found.encodingName, found.segmentsCount, joined]) + "\n");
});
