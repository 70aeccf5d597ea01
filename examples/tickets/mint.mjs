// Makes an upload ticket with Node alone: node mint.mjs SECRET_FILE ISSUER AUDIENCE SUBJECT
import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

export function mint(secret, issuer, audience, subject) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer, aud: audience, sub: subject, iat: now, exp: now + 900, jti: randomUUID(),
    valetkey: { content_types: ["image/*"], max_size: 10_000_000, max_count: 1, path: "inbox" },
  };
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const message = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${message}.${createHmac("sha256", secret).update(message).digest("base64url")}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [secretFile, ...names] = process.argv.slice(2);
  console.log(mint(readFileSync(secretFile, "utf8").trim(), ...names));
}
