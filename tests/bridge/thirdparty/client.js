// The npm package `osc`: renders one repaint over UDP or TCP, prints every reply as a line of JSON, confirms the result.
"use strict";
const osc = require("osc");

const [transport, port, source, directory] = process.argv.slice(2);
const client =
  transport === "udp"
    ? new osc.UDPPort({ localAddress: "127.0.0.1", localPort: 0, remoteAddress: "127.0.0.1", remotePort: Number(port), metadata: true })
    : new osc.TCPSocketPort({ address: "127.0.0.1", port: Number(port), metadata: true });

function text(value) {
  return { type: "s", value };
}

function number(value) {
  return { type: "f", value };
}

client.on("ready", () => {
  client.send({
    address: "/punchin/repaint",
    args: [text("node-1"), text("source"), text(source), text("start"), number(0.25), text("end"), number(0.75),
      text("seed"), number(8), text("directory"), text(directory), text("cookie"), text("from node ♪")],
  });
});

client.on("message", (message) => {
  console.log(JSON.stringify(message));
  if (["/punchin/rejected", "/punchin/failed"].includes(message.address)) process.exit(1);
  if (message.address === "/punchin/done") {
    client.send({ address: "/punchin/received", args: [text(message.args[0].value)] });
    client.send({ address: "/punchin/status", args: [text("node-2"), text("job"), text(message.args[0].value)] });
  }
  if (message.address === "/punchin/status_end") process.exit(0);
});

client.on("error", (error) => {
  console.error(error);
  process.exit(1);
});

client.open();
