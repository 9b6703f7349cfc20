// Sends what stands on standard input, a line an event, by HEC with npm's splunk-logging, in batches: `npm ci` in this
// folder, then `node send.js < events.xml`. What hecate has no room for is sent again; a refusal of another kind ends it
// with exit code 1.
"use strict";
const readline = require("readline");
const { Logger } = require("splunk-logging");

const kBatch = 500;
const kPause = 1000; // ms

const logger = new Logger({
  url: "http://hecate.example.com:8088",
  token: "00000000-0000-0000-0000-000000000000",
  maxBatchCount: 0, // only flush() sends
});
// The library's own default takes any certificate.
logger.requestOptions.strictSSL = true;
// The line itself is the event, instead of an object around it.
logger.eventFormatter = (line) => line;
logger.error = () => {}; // told by post()

const flush = () =>
  new Promise((done) => logger.flush((error, response, body) => done({ error, status: response?.statusCode, body })));

async function post(lines) {
  for (;;) {
    for (const line of lines) logger.send({ message: line });
    const { error, status, body } = await flush();
    if (status === 200) return;
    console.error("hecate:", error ? error.message : `${status} ${JSON.stringify(body)}`);
    if (!error && status !== 503) process.exit(1);
    await new Promise((done) => setTimeout(done, kPause));
  }
}

async function main() {
  let lines = [];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    lines.push(line);
    if (lines.length < kBatch) continue;
    await post(lines);
    lines = [];
  }
  if (lines.length > 0) await post(lines);
}

main();
