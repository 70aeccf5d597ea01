// Verifies a webhook with Node alone: node verify.mjs SECRET ID TIMESTAMP SIGNATURE < BODY
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

export function verify(secret, headers, body) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const [id, sent] = [headers["webhook-id"], headers["webhook-timestamp"]];
  if (!(Math.abs(Date.now() / 1000 - Number(sent)) <= 300)) throw new Error("it is too old, or from the future");
  const expected = createHmac("sha256", key).update(`${id}.${sent}.`).update(body).digest();
  const holds = (one) => {
    const given = Buffer.from(one.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  };
  // While a secret is changed there are two.
  if (!headers["webhook-signature"].split(" ").some(holds)) throw new Error("its signature does not hold");
  return JSON.parse(body);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [secret, id, timestamp, signature] = process.argv.slice(2);
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  console.log(JSON.stringify(verify(secret, headers, readFileSync(0))));
}
