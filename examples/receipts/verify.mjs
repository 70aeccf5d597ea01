// Verifies a receipt with Node alone: node verify.mjs RECEIPT JWKS_FILE ISSUER
import { createPublicKey, verify as verifySignature } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

export function verify(receipt, jwks, issuer) {
  const [header, claims, signature, ...more] = receipt.split(".");
  const read = (part) => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  const { alg, typ, kid } = read(header);
  // This algorithm and no other.
  if (more.length > 0 || alg !== "EdDSA" || typ !== "receipt+jwt") throw new Error("this is no receipt");
  const jwk = jwks.keys.find((key) => key.kid === kid && key.kty === "OKP" && key.crv === "Ed25519");
  if (!jwk) throw new Error("its key is not among the service's");
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const signed = Buffer.from(`${header}.${claims}`);
  if (!verifySignature(null, signed, key, Buffer.from(signature, "base64url"))) throw new Error("it was changed");
  const said = read(claims);
  if (said.iss !== issuer) throw new Error(`it is of ${said.iss}`);
  return said;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [receipt, jwksFile, issuer] = process.argv.slice(2);
  console.log(JSON.stringify(verify(receipt, JSON.parse(readFileSync(jwksFile, "utf8")), issuer)));
}
