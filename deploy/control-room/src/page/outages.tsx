// Which devices are gone, over every view: a suburb in one line. It is no alarm, and neither rings nor is red.
import type { OutageView } from "../protocol";
import { openDevice } from "./devices";
import { deviceFilter, devices, greySinceMs, outages, untaken, view } from "./state";
import { t } from "./strings";
import { wall } from "./time";
import { clock, deviceName, plain } from "./words";

const MOST = 3;
const MOST_IN_DEVICES = 5;

export function Outages() {
  if (greySinceMs.value !== null) return null;
  const size = ({ sources, back }: OutageView): number => sources.length + back;
  const rows = [...outages.value].sort((a, b) => size(b) - size(a) || b.id - a.id);
  // While somebody waits they take one line of the alarms' room, and no more.
  const most = view.value === "devices" ? MOST_IN_DEVICES : untaken.value.length > 0 ? 0 : MOST;
  const more = rows.slice(most).reduce((sum, { sources }) => sum + sources.length, 0);
  return (
    <>
      {rows.slice(0, most).map((row) => (
        <p key={row.id} class="notice" role="status">
          {sentence(row)} <button type="button" onClick={() => show(row)}>{t.outages.show}</button>
        </p>
      ))}
      {more > 0 && (
        <p class="notice" role="status">
          ▲ {t.outages.more(more, most > 0)} <button type="button" onClick={() => show(null)}>{t.outages.show}</button>
        </p>
      )}
    </>
  );
}

function sentence({ place, sources, of, sinceMs, unheard, back, backMs }: OutageView): string {
  const where = plain(place, 100);
  if (sources.length === 0) return `✓ ${t.outages.back(back, back === 1 && isDevice(place) ? nameOf(place) : where, clock(wall(backMs!), false))}`;
  const since = sinceMs === null ? null : clock(wall(sinceMs), false);
  const gone = isDevice(place) ? t.outages.one(nameOf(place), since) : t.outages.many(sources.length + back, of, where, since);
  const names = unheard.map((name) => plain(name, 40));
  return [`▲ ${gone}`, ...(names.length > 0 ? [t.outages.unheard(names)] : []), ...(back > 0 ? [t.outages.someBack(back, clock(wall(backMs!), false))] : [])].join(" ");
}

const isDevice = (place: string): boolean => place.split("/").length === 3;

/** Where it stands, if it has said so, and its name. */
function nameOf(place: string): string {
  const source = `/edge/${place}`;
  const text = plain(devices.get(source)?.value.meta?.location?.text, 120);
  return text === "" ? deviceName(source) : `${text} (${deviceName(source)})`;
}

function show(row: OutageView | null): void {
  view.value = "devices";
  deviceFilter.value = row === null ? "" : row.place;
  if (row !== null && isDevice(row.place)) openDevice(`/edge/${row.place}`);
}
