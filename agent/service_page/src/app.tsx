// Which view is shown.
import { Cameras } from "./cameras";
import { Draw, drawn } from "./draw";
import { Ended, Enter, KeyAndLabel } from "./enter";
import { Head, Screen, Tabs } from "./parts";
import { ReportView } from "./report";
import { Settings } from "./settings";
import { device, key, session, state, tab } from "./state";
import { t } from "./strings";
import { Walk } from "./walk";

const VIEWS = { walk: Walk, cameras: Cameras, settings: Settings, report: ReportView };

export function App() {
  const end = session.value;
  if (end === "unknown") return <Screen title={t.title} thumb={null}><p>{t.asking}</p></Screen>;
  if (end === "none") return <Enter />;
  if (end !== "open") return <Ended end={end} />;
  const named = state.value?.device ?? "";
  const isThere = key.value !== null && device.value !== null && (named === "" || named === device.value);
  if (!isThere) return <><Head /><KeyAndLabel /></>;
  if (drawn.value !== null && tab.value === "cameras") return <><Head /><Draw edit={drawn.value} /></>;
  const View = VIEWS[tab.value];
  return <><Head /><View /><Tabs /></>;
}
