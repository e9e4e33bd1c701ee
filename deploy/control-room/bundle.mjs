// How the page and its worker are bundled, for build.mjs and for dev/serve.mjs.
import { build } from "esbuild";

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
    loader: { ".png": "empty" }, // Leaflet's, for a marker and a control that no map here has
    define: { "process.env.NODE_ENV": '"production"' },
    ...more,
  });
}
