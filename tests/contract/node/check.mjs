// node check.mjs DIR: do other people's tools understand what `edge-centre schema --out DIR` has written?
// Prints each fault as a line, and at the end how much was looked at. Exit code 1 when there is a fault.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "@asyncapi/parser";
import addFormats from "ajv-formats";
import Ajv2020 from "ajv/dist/2020.js";

const directory = process.argv[2];
const faults = [];

const { document, diagnostics } = await new Parser().parse(readFileSync(join(directory, "asyncapi.json"), "utf8"));
for (const each of diagnostics) {
  if (each.severity === 0) faults.push(`asyncapi.json: ${each.path.join(".")}: ${each.message}`);
}

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
addFormats.default(ajv);
for (const keyword of ["x-unit", "x-extensible-enum"]) ajv.addKeyword(keyword);
const names = readdirSync(join(directory, "schemas"));
const validators = {};
for (const name of names) {
  try {
    validators[name.replace(/\.json$/, "")] = ajv.compile(JSON.parse(readFileSync(join(directory, "schemas", name))));
  } catch (error) {
    faults.push(`schemas/${name}: ${error.message}`);
  }
}

let examples = 0;
for (const message of document?.components().messages().all() ?? []) {
  for (const example of message.examples()) {
    const payload = example.payload();
    const validate = validators[message.id()];
    examples += 1;
    if (typeof payload === "object" && !validate?.(payload)) {
      faults.push(`example of ${message.id()}: ${ajv.errorsText(validate?.errors)}`);
    }
  }
}

for (const fault of faults) console.log(fault);
const messages = document?.components().messages().all().length ?? 0;
console.log(JSON.stringify({ messages, schemas: names.length, examples, faults: faults.length }));
process.exit(faults.length ? 1 : 0);
