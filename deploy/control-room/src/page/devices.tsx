// The devices: those first that are away or in trouble.
import { computed, signal, useSignal } from "@preact/signals";
import type { DeviceView, Role } from "../protocol";
import { OrderState } from "./actions";
import { Age } from "./standing";
import { focusDetail } from "./focus";
import { useFirstFocus } from "./forms";
import { HeldOrder } from "./held";
import { RowList, showTop } from "./list";
import { command, isPending, orderOf } from "./orders";
import { Fact, Panes } from "./panes";
import { Shape, type ShapeName } from "./shapes";
import { deviceFilter, devices, devicesChanged, key, losses, openedDevice } from "./state";
import { t } from "./strings";
import { now, second, wall } from "./time";
import { age, clock, day, deviceClock, deviceName, placeOf, plain, word } from "./words";

const PRESENCE_RANK = { lost: 0, silent: 1, offline: 2, unknown: 3, online: 4 } as const;
const REPORT = "edge.commissioning.v1";
const DAY_MS = 86_400_000;
/** The longest that a device serves its page, and the roles whose orders devices obey. */
const PAGE_MIN = 15;
const MAY_OPEN: readonly Role[] = ["technician", "admin"];
/** A device that says nothing of it itself has trouble when its certificate ends so soon. */
const SOON_DAYS = 7;

function isAway(device: DeviceView): boolean {
  return device.presence !== "online";
}

/** What somebody must see to: what the device tells, its clock, and its certificate: with `isShort` not in the device's own words. */
function troublesOf({ troubles, health, certificateEndsMs, timeq }: DeviceView, isShort = false): string[] {
  const days = certificateEndsMs === null ? Infinity : Math.floor((certificateEndsMs - now()) / DAY_MS);
  const said = health?.certificate_trouble;
  const isSaid = typeof said === "string";
  const ends = days < 0 ? t.devices.certificateEnded : days < SOON_DAYS ? `${t.devices.certificate} ${t.devices.certificateSoon(days)}` : t.devices.certificateTrouble;
  const ofCertificate = isSaid && !isShort ? [t.devices.certificateSays(said)] : isSaid || days < SOON_DAYS ? [ends] : [];
  return [...troubles, ...(timeq === "unsynced" ? [t.devices.clockTrouble] : []), ...ofCertificate];
}

function rank(device: DeviceView): number {
  if (isAway(device)) return PRESENCE_RANK[device.presence] - 10;
  return device.isInService ? (troublesOf(device).length > 0 ? 1 : 2) : 0;
}

// Health of thousands of devices comes all the time, and nobody sees an order that changes more often than once a second.
const listChanged = signal(0);
let isDue = false;
devicesChanged.subscribe(() => {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    listChanged.value += 1;
  }, devices.size > 200 ? 1000 : 50);
});

const everyDevice = computed(() => (listChanged.value, [...devices.values()].map((held) => ({ device: held.peek(), rank: rank(held.peek()) }))));
const wanted = computed(() => {
  const filter = deviceFilter.value.trim().toLowerCase();
  const found = filter === "" ? [...everyDevice.value] : everyDevice.value.filter(({ device }) => words(device).includes(filter));
  return found.sort((a, b) => a.rank - b.rank || (a.device.source < b.device.source ? -1 : 1)).map(({ device }) => device.source);
});
export const deviceOrder = new HeldOrder(wanted);

function words(device: DeviceView): string {
  return [device.source, placeOf(device), t.devices.presence[device.presence], device.isInService ? "" : t.devices.outOfService, device.version, ...troublesOf(device)].join(" ").toLowerCase();
}

export function deviceShape(device: DeviceView): ShapeName {
  if (isAway(device)) return "away";
  if (!device.isInService) return "out";
  return troublesOf(device).length > 0 ? "trouble" : "online";
}

export function Devices() {
  const opened = openedDevice.value;
  const all = everyDevice.value;
  const found = wanted.value.length;
  const away = all.filter(({ rank: its }) => its < 0).length;
  const troubled = all.filter(({ rank: its }) => its >= 0 && its < 2).length;
  return (
    <Panes
      title={all.length === 0 ? t.devices.none : found === all.length ? t.devices.title(found) : t.devices.shown(found, all.length)}
      above={
        <>
          {all.length > 0 && <p class="counts">{t.devices.counts(away, troubled)}</p>}
          <label class="find">
            {t.devices.find}
            <input type="search" value={deviceFilter.value} placeholder={t.devices.findWhy} onInput={(event) => find(event.currentTarget.value)} />
          </label>
        </>
      }
      list={<RowList order={deviceOrder} label={t.views.devices} opened={opened} row={(id) => <Row id={id} />} onOpen={openDevice} />}
      detail={opened !== null && devices.has(opened) ? <Detail key={opened} id={opened} /> : null}
      hint={all.length === 0 ? t.devices.waitFor : t.devices.choose}
      onBack={() => (openedDevice.value = null)}
    />
  );
}

function find(text: string): void {
  deviceFilter.value = text;
  deviceOrder.sort();
  showTop();
}

export function openDevice(source: string): void {
  openedDevice.value = source;
  focusDetail();
}

function standing(device: DeviceView): string {
  if (isAway(device)) return t.devices.presence[device.presence];
  if (!device.isInService) return t.devices.outOfService;
  return troublesOf(device).length > 0 ? t.devices.onlineTrouble : t.devices.presence.online;
}

function Row({ id }: { id: string }) {
  const device = devices.get(id)?.value;
  if (device === undefined) return <span class="row" />;
  const shape = deviceShape(device);
  return (
    <button type="button" class={`row device-row is-${shape}`} data-id={id} tabIndex={-1}>
      <Shape name={shape} />
      <span class="row-main">
        <span class="row-place">{placeOf(device) || deviceName(id)}</span>
        <span class="row-more">{[...(device.openAlarms > 0 ? [t.alarms.title(device.openAlarms)] : []), ...(placeOf(device) === "" ? [] : [deviceName(id)]), ...troublesOf(device, true).map((trouble) => plain(trouble, 60))].join(" · ")}</span>
      </span>
      <span class="row-side">
        <span class="row-standing">{standing(device)}</span>
        {isAway(device) && (
          <span class="row-count">
            <Age sinceMs={device.sinceMs} />
          </span>
        )}
      </span>
    </button>
  );
}

function Ago({ ms }: { ms: number }) {
  second.value;
  return <>{clock(wall(ms))} ({t.devices.ago(age(now() - ms))})</>;
}

function Detail({ id }: { id: string }) {
  const device = devices.get(id)?.value;
  if (device === undefined) return null;
  const { health, meta } = device;
  const certificate = device.certificateEndsMs;
  const holes = losses.value.filter((loss) => loss.source === id);
  const shape = deviceShape(device);
  const troubles = troublesOf(device);
  return (
    <>
      <header class={`plain-head is-${shape}`}>
        <Shape name={shape} />
        <div>
          <h2 tabIndex={-1}>{placeOf(device) || deviceName(id)}</h2>
          <p class="standing">{standing(device)}</p>
        </div>
      </header>
      <div class="cards">
        <section class="card" aria-labelledby="state-title">
          <h3 id="state-title">{t.devices.state}</h3>
          <dl>
            <Fact name={t.devices.troubles}>
              {troubles.length === 0 ? (
                t.devices.noTroubles
              ) : (
                <ul class="plain">{troubles.map((trouble) => <li key={trouble}>▲ {plain(trouble, 300)}</li>)}</ul>
              )}
            </Fact>
            <Fact name={t.devices.openAlarms}>{device.openAlarms}</Fact>
            <Fact name={t.devices.lastHeard}><Ago ms={device.lastHeardMs} /></Fact>
            <Fact name={t.devices.brokers}>
              <ul class="plain">
                {Object.entries(device.brokers).map(([name, state]) => <li key={name}>{plain(name, 40)}: {word(t.devices.presence, state)}</li>)}
              </ul>
            </Fact>
            <Fact name={t.devices.certificate}>
              {certificate !== null && `${day(certificate)} (${t.devices.certificateSoon(Math.floor((certificate - now()) / DAY_MS))})`}
            </Fact>
            <Fact name={t.devices.commissioned}>{commissioning(meta)}</Fact>
            <Fact name={t.devices.version}>{plain(device.version, 40)}</Fact>
            <Fact name={t.devices.clock}>{device.timeq && word(t.devices.clocks, device.timeq)}</Fact>
            <Fact name={t.devices.place}>{placeOf(device)}</Fact>
            <Fact name={t.detail.device}><code>{deviceName(id)}</code></Fact>
            <Fact name={t.devices.losses}>
              {holes.length > 0 && <ul class="plain">{holes.slice(0, 20).map((hole) => <li key={hole.first}>{t.events.loss(hole.first, hole.last)}, {t.events.lossStates[hole.state]}</li>)}</ul>}
            </Fact>
          </dl>
        </section>
        <section class="card" aria-labelledby="health-title">
          <h3 id="health-title">{t.devices.health}</h3>
          {device.past.length === 0 ? <p>{t.devices.noHealth}</p> : <Curves past={device.past} />}
          {health !== null && (
            <dl>
              <Fact name={t.devices.parts}>
                <ul class="plain">
                  {Object.entries(health.parts ?? {}).slice(0, 40).map(([name, part]) => (
                    <li key={name}>{part.state === "ok" ? "✓" : "▲"} {plain(name, 40)}{part.detail ? `: ${plain(part.detail, 160)}` : ""}</li>
                  ))}
                </ul>
              </Fact>
              <Fact name={t.devices.selfTest}>{health.self_test && `${deviceClock(health.self_test.time)}: ${health.self_test.passed ? t.devices.passed : t.devices.failed(health.self_test.failed.map((step) => plain(step, 40)).join(", "))}`}</Fact>
            </dl>
          )}
          {meta !== null && (
            <details>
              <summary>{t.detail.forAdministrator}</summary>
              <dl>
                <Fact name={t.devices.commands}>{meta.capabilities.map((name) => plain(name, 40)).join(", ")}</Fact>
              </dl>
            </details>
          )}
        </section>
        {key.value !== null && meta?.capabilities.includes("service-page") === true && <PageCard source={id} role={key.value.role} />}
      </div>
    </>
  );
}

/** For a technician beside the device, who telephones: has the device serve their phone. */
function PageCard({ source, role }: { source: string; role: Role }) {
  const about = `service-page ${source}`;
  const order = orderOf(about).value;
  const isAsked = useSignal(false);
  const open = () => {
    isAsked.value = false;
    command(about, source, "service-page", { seconds: PAGE_MIN * 60 });
    focusDetail();
  };
  return (
    <section class="card" aria-labelledby="page-title">
      <h3 id="page-title">{t.devices.page}</h3>
      {!MAY_OPEN.includes(role) ? (
        <p class="obstacle">{t.devices.pageNotYours(t.shift.roles[role])}</p>
      ) : isAsked.value ? (
        <OpenPage onYes={open} onNo={() => ((isAsked.value = false), focusDetail())} />
      ) : (
        <button type="button" aria-disabled={isPending(order)} aria-expanded={false} onClick={() => (isAsked.value = !isPending(order))}>{t.devices.pageOpen}</button>
      )}
      <OrderState order={order} alarm={null} />
    </section>
  );
}

function OpenPage({ onYes, onNo }: { onYes: () => void; onNo: () => void }) {
  return (
    <form ref={useFirstFocus()} class="form" onSubmit={(event) => (event.preventDefault(), onYes())}>
      <p tabIndex={-1}>{t.devices.pageWhy(PAGE_MIN)}</p>
      <div class="buttons">
        <button type="submit" class="do">{t.devices.pageYes(PAGE_MIN)}</button>
        <button type="button" onClick={onNo}>{t.cancel}</button>
      </div>
    </form>
  );
}

/** What the newest report says; nothing of a device that can't have one. */
function commissioning(meta: DeviceView["meta"]) {
  const told = meta?.commissioned;
  if (told === undefined) return (meta?.schemas ?? []).includes(REPORT) ? `▲ ${t.devices.neverCommissioned}` : null;
  return (
    <>
      {t.devices.commissionedBy(`${day(Date.parse(told.at))}, ${deviceClock(told.at)}`, plain(told.by, 64), t.devices.conclusion[told.verdict])}
      <ul class="plain">
        {told.failed.slice(0, 40).map((step) => <li key={step}>{t.devices.stepFailed(plain(step, 64))}</li>)}
        {told.left_out.slice(0, 40).map((step) => <li key={step}>{t.devices.stepLeftOut(plain(step, 64))}</li>)}
      </ul>
    </>
  );
}

const CURVES = ["cpuC", "memoryMiB", "diskFreeMiB", "waiting"] as const;
/** What a curve's height is at least: less is no news. */
const LEAST = { cpuC: 20, memoryMiB: 50, diskFreeMiB: 1000, waiting: 10 } as const;
const WIDTH = 160;
const HEIGHT = 36;

function Curves({ past }: { past: DeviceView["past"] }) {
  return (
    <ul class="curves">
      {CURVES.map((name) => {
        const values = past.map((one) => one[name]);
        const known = values.filter((value): value is number => value !== null);
        const newest = known.at(-1);
        if (newest === undefined) return null;
        const low = Math.min(...known);
        const high = Math.max(...known);
        const range = Math.max(high - low, LEAST[name]);
        const floor = Math.max(0, (low + high - range) / 2);
        const height = (value: number) => HEIGHT - 3 - ((value - floor) / range) * (HEIGHT - 6);
        const step = WIDTH / Math.max(1, values.length - 1);
        const points = values.flatMap((value, i) => (value === null ? [] : [`${(i * step).toFixed(1)},${height(value).toFixed(1)}`]));
        const title = t.devices.curve(t.devices.curves[name], figure(newest), figure(low), figure(high));
        return (
          <li key={name}>
            <span class="curve-name">{t.devices.curves[name]}</span>
            <span class="curve-now">
              <strong>{figure(newest)}</strong> <span class="small">{t.devices.between(figure(low), figure(high))}</span>
            </span>
            <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={title} preserveAspectRatio="none">
              <polyline points={points.join(" ")} />
            </svg>
          </li>
        );
      })}
    </ul>
  );
}

function figure(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toString() : (Math.round(value * 10) / 10).toString();
}
