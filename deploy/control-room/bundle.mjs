// How the page and its worker are bundled, for build.mjs and for dev/serve.mjs.
import { resolve } from "node:path";
import { build } from "esbuild";

// An alias would take `leaflet/dist/leaflet.css` along.
const partsOfLeaflet = {
  name: "parts of Leaflet",
  setup: (building) => building.onResolve({ filter: /^leaflet$/ }, () => ({ path: resolve("src/page/leaflet.js") })),
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
    plugins: [partsOfLeaflet],
    loader: { ".png": "empty" }, // Leaflet's, for a marker and a control that no map here has
    define: { "process.env.NODE_ENV": '"production"' },
    ...more,
  });
}
