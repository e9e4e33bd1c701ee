// Checks a report by docs/contract.md alone, with nothing of the agent's: node report.mjs REPORT TECHNICIAN-X.
import { createHash, createPublicKey, verify, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${fields.join(",")}}`;
};
const digest = (value) => createHash("sha256").update(canonical(value)).digest("hex");
const leaves = (value, place) => {
  const inside = value !== null && typeof value === "object" ? Object.entries(value) : [];
  return inside.length ? inside.flatMap(([name, each]) => leaves(each, `${place}/${name}`)) : [[place, digest(value)]];
};

const { report, hashes, signed, pictures } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const [device, technician] = signed.signatures;
const header = ({ protected: text }) => JSON.parse(Buffer.from(text, "base64url").toString());
const holds = (one, key, digestName) =>
  verify(digestName, Buffer.from(`${one.protected}.${signed.payload}`),
    { key, dsaEncoding: "ieee-p1363" }, Buffer.from(one.signature, "base64url"));
const certificate = new X509Certificate(Buffer.from(header(device).x5c[0], "base64"));
const jwk = { kty: "OKP", crv: "Ed25519", x: process.argv[3] };
console.log(JSON.stringify({
  leaves: canonical(Object.fromEntries(leaves(report, "/report"))) === canonical(hashes),
  payload: Buffer.from(signed.payload, "base64url").toString() ===
    canonical({ commissioning: report.id, device: report.device.name, hashes: digest(hashes) }),
  device: holds(device, certificate.publicKey, "sha256") && certificate.subject === `CN=${report.device.name}`,
  technician: holds(technician, createPublicKey({ key: jwk, format: "jwk" }), null),
  pictures: report.pictures.every(({ sha256 }) =>
    createHash("sha256").update(Buffer.from(pictures[sha256], "base64")).digest("hex") === sha256),
}));
