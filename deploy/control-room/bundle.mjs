// How the page and its worker are bundled, for build.mjs and for dev/serve.mjs.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

// An alias would take `leaflet/dist/leaflet.css` along. dev/serve.mjs is started from anywhere.
const inRoom = (name) => fileURLToPath(new URL(name, import.meta.url));
const path = inRoom("src/page/leaflet.js");
const partsOfLeaflet = {
  name: "parts of Leaflet",
  setup: (building) => building.onResolve({ filter: /^leaflet$/ }, () => ({ path })),
};

/** Bundle these entry points; `more` is what esbuild wants besides, such as where it all goes. */
export function bundle(entryPoints, more) {
  return build({
    entryPoints,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    tsconfig: inRoom("tsconfig.json"), // says where the service page, whose source lies beside the device, finds its libraries
    plugins: [partsOfLeaflet],
    loader: { ".png": "empty" }, // Leaflet's, for a marker and a control that no map here has
    define: { "process.env.NODE_ENV": '"production"' },
    ...more,
  });
}
