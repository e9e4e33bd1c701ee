// Builds the page that a device serves to a technician's phone, and the list of the libraries in it: node build-service-page.mjs OUT.
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "./bundle.mjs";

const source = "../../agent/service_page/src";
const out = process.argv[2];
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const { metafile } = await bundle({ page: join(source, "main.tsx") }, { outdir: out, legalComments: "external", metafile: true });
await cp(join(source, "index.html"), join(out, "index.html"));
await cp("static/icon.svg", join(out, "icon.svg"));

const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
const held = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path.match(/^node_modules\/(@[^/]+\/)?[^/]+/)?.[0]);
const libraries = [...new Set(held)].filter((place) => place !== undefined).sort().map(async (place) => {
  const { name, version, license, homepage, repository } = JSON.parse(await readFile(join(place, "package.json"), "utf8"));
  const files = (await readdir(place)).filter((file) => /^(LICEN[CS]E|NOTICE)/i.test(file)).sort();
  const texts = await Promise.all(files.map(async (file) => [file, await readFile(join(place, file), "utf8")]));
  return { name, version, licence: license, homepage: homepage ?? repository?.url ?? "", texts };
});
await writeFile(join(out, "libraries.json"), JSON.stringify(await Promise.all(libraries), null, 1));
