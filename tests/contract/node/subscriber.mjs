// node subscriber.mjs ASYNCAPI-JSON BROKER-URL: a subscriber that knows nothing of a device but its AsyncAPI document.
// It validates every message and prints a line of JSON for each: {seen}, {unknown} (a type of a later version) or
// {refused, why}. The first line is {ready}. It ends when its standard input does.

import { readFileSync } from "node:fs";
import addFormats from "ajv-formats";
import Ajv from "ajv";
import mqtt from "mqtt";

const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(document, "contract");

const at = (reference) => reference.slice(2).split("/").reduce((found, key) => found[key], document);
const last = (reference) => reference.split("/").at(-1);

// Each channel that the device sends to, with its messages by the value that tells them apart.
const channels = Object.values(document.operations)
  .filter((operation) => operation.action === "send")
  .map((operation) => {
    const channel = at(operation.channel.$ref);
    const messages = operation.messages.map(({ $ref }) => {
      const name = last($ref);
      const message = at(at($ref).$ref);
      const validate = ajv.compile({ $ref: `contract#/components/messages/${name}/payload` });
      return { name, message, type: message.payload.properties?.type?.const, validate };
    });
    return {
      filter: channel.address.replace(/\{[^}]+\}/g, "+"),
      pattern: new RegExp(`^${channel.address.replace(/\{[^}]+\}/g, "[^/]+")}$`),
      delivery: operation.bindings.mqtt,
      messages,
    };
  });
const known = new Set(channels.flatMap(({ messages }) => messages.map(({ type }) => type)).filter(Boolean));

function judge(topic, payload, packet) {
  const channel = channels.find(({ pattern }) => pattern.test(topic));
  if (!channel) return { unknown: topic };
  const faults = [];
  if (packet.retain !== channel.delivery.retain) faults.push(`retained: ${packet.retain}`);
  const picture = channel.messages.find(({ type }) => type === undefined);
  let found = picture;
  let value = payload.toString("latin1");
  if (!picture) {
    value = JSON.parse(payload.toString("utf8"));
    if (typeof value?.type !== "string") return { refused: "unreadable", why: ["no envelope"] };
    found = channel.messages.find(({ type }) => type === value.type);
    if (!found) return known.has(value.type) ? { refused: value.type, why: ["another channel's"] } : { unknown: value.type };
  }
  if (!found.validate(value)) faults.push(...found.validate.errors.map((each) => `${each.instancePath} ${each.message}`));
  const { contentType, messageExpiryInterval } = packet.properties ?? {};
  if (contentType !== undefined && contentType !== found.message.contentType) faults.push(`content type ${contentType}`);
  const limit = channel.delivery.messageExpiryInterval;
  if (limit !== undefined && !(messageExpiryInterval <= limit)) faults.push(`expiry ${messageExpiryInterval}`);
  const name = found.type ?? found.name;
  return faults.length ? { refused: name, why: faults, payload: picture ? undefined : value } : { seen: name };
}

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const client = mqtt.connect(process.argv[3], { protocolVersion: 5, clientId: "made-from-asyncapi" });
client.on("message", (topic, payload, packet) => {
  try {
    print({ topic, ...judge(topic, payload, packet) });
  } catch (error) {
    print({ topic, refused: "unreadable", why: [error.message] });
  }
});
client.on("error", (error) => print({ refused: "connection", why: [error.message] }));
client.on("connect", async () => {
  for (const { filter } of channels) await client.subscribeAsync(filter, { qos: 1, rap: true });
  print({ ready: channels.length, types: [...known] });
});
process.stdin.resume();
process.stdin.on("end", () => client.end(true, () => process.exit(0)));
