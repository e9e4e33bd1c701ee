// Builds the page into dist/: node build.mjs. The types of the contract must be in src/contract.d.ts (`make control-room` puts them there).
import { build } from "esbuild";
import { cp, mkdir, rm } from "node:fs/promises";

await rm("dist", { recursive: true, force: true });
await mkdir("dist");
await build({
  entryPoints: { page: "src/page/main.tsx", worker: "src/worker/main.ts" },
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "external",
  loader: { ".png": "dataurl" },
  define: { "process.env.NODE_ENV": '"production"' },
});
await cp("static", "dist", { recursive: true });
