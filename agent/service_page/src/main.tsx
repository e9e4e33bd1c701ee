// Begins the service page.
import { render } from "preact";
import "../../../deploy/control-room/src/colours.css";
import { App } from "./app";
import { isAnyUnsaved } from "./draw";
import "./page.css";
import { isAnyTyped } from "./settings";
import { begin, forgetKey } from "./state";

const root = document.getElementById("app");
if (root !== null) {
  begin();
  addEventListener("beforeunload", (event) => (isAnyUnsaved() || isAnyTyped()) && event.preventDefault());
  // The page may come back from the browser's memory: the key does not.
  addEventListener("pagehide", forgetKey);
  render(<App />, root);
}
