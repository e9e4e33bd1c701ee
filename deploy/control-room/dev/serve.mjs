// Serves the page with the scripted worker, under the policy that it has in earnest: node dev/serve.mjs [PORT], then open
// http://127.0.0.1:PORT/day/ (or empty, one-kiosk, flood, hostile, one-down, clock, mute, race, unknown-key, torrent, wrong).
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "../bundle.mjs";

const here = fileURLToPath(new URL("..", import.meta.url));
const POLICY = /Content-Security-Policy "([^"]*)"/.exec(await readFile(join(here, "serve/nginx.conf"), "utf8"))[1];
const TYPES = { html: "text/html", js: "text/javascript", css: "text/css", json: "application/json", svg: "image/svg+xml" };

const { outputFiles } = await bundle(
  { page: join(here, "src/page/main.tsx"), worker: join(here, "dev/fake-worker.ts") },
  { outdir: "/", write: false },
);
const built = new Map(outputFiles.map((file) => [file.path.replace(/^.*[\\/]/, ""), file.contents]));

async function find(scenario, name) {
  if (name === "control-room.json") {
    const settings = JSON.parse(await readFile(join(here, "static/control-room.json"), "utf8"));
    if (scenario === "wrong") return JSON.stringify({ ...settings, brokers: [], ring_after_s: "soon", colour: "red" });
    if (scenario === "one-kiosk") settings.outlines = [];
    settings.key_by_link = !["link", "site"].includes(scenario);
    return JSON.stringify({ ...settings, brokers: ["a", "b"].map((broker) => ({ name: broker, url: `wss://broker-${broker}.example/mqtt` })) });
  }
  return built.get(name) ?? readFile(join(here, "static", normalize(`/${name}`)));
}

const server = createServer(async (request, response) => {
  const [, scenario = "", ...rest] = new URL(request.url, "http://x").pathname.split("/");
  const name = rest.join("/") || "index.html";
  try {
    const body = await find(scenario, name);
    response.writeHead(200, { "content-type": TYPES[name.split(".").at(-1)] ?? "application/octet-stream", "content-security-policy": POLICY, "cache-control": "no-store" });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
