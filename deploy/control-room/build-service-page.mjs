// Builds the page that a device serves to a technician's phone: node build-service-page.mjs OUT.
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "./bundle.mjs";

const out = process.argv[2];
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await bundle({ page: "src/service-page/main.tsx" }, { outdir: out, legalComments: "external" });
await cp("src/service-page/index.html", join(out, "index.html"));
await cp("static/icon.svg", join(out, "icon.svg"));
