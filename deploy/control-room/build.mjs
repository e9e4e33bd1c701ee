// Builds the page into dist/: node build.mjs. The types of the contract must be in src/contract.d.ts (`make control-room` puts them there).
import { cp, mkdir, rm } from "node:fs/promises";
import { bundle } from "./bundle.mjs";

await rm("dist", { recursive: true, force: true });
await mkdir("dist");
await bundle({ page: "src/page/main.tsx", worker: "src/worker/main.ts" }, { outdir: "dist", legalComments: "external" });
await cp("static", "dist", { recursive: true });
