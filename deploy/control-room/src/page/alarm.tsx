// One alarm: what a person must know to help, and what they can do.
import type { Answer } from "../contract";
import type { AlarmView } from "../protocol";
import { Actions } from "./actions";
import { ClipsCard } from "./clips";
import { showEvent } from "./events";
import { othersHere, whyElse } from "./lamps";
import { LiveCard } from "./live";
import { Fact } from "./panes";
import { Picture } from "./picture";
import { Shape } from "./shapes";
import { DoNot, howClosed, kindWord, looksOf, Place, shapeOf, standing, Waited, what } from "./standing";
import { alarms, devices, events, key, openedDevice, view } from "./state";
import { t } from "./strings";
import { wall } from "./time";
import { clock, deviceClock, deviceName, doNot, eventWord, place, plain, span, word } from "./words";

export function AlarmDetail({ id }: { id: string }) {
  const alarm = alarms.get(id)?.value;
  if (alarm === undefined) return null;
  const { data } = alarm;
  const shape = shapeOf(alarm);
  return (
    <>
      <header class={`alarm-head ${looksOf(shape)}`}>
        <Shape name={shape} />
        <div>
          {alarm.isOpen && <DoNot alarm={alarm} id="do-not" />}
          <h2 tabIndex={-1} aria-describedby={alarm.isOpen && doNot(alarm) !== null ? "do-not" : undefined}><Place alarm={alarm} /></h2>
          <p class="standing">{alarm.isOpen ? standing(alarm) : howClosed(alarm)}</p>
          <p>{what(alarm)}</p>
          {alarm.lost !== null && <p>{t.alarms.lostWhy[alarm.lost]}</p>}
          {alarm.lost === "unheard" && <p>{key.value === null ? t.alarms.lostUnasked : t.alarms.lostAsked}</p>}
          {data.silent && <p>{t.alarms.silentAlarm}</p>}
        </div>
        <p class="head-age">{alarm.isOpen && <Waited alarm={alarm} />}</p>
      </header>
      <Actions alarm={alarm} />
      <div class="cards">
        <div class="column">
          <LampsCard alarm={alarm} />
          <FactsCard alarm={alarm} />
        </div>
        <div class="column">
          <PictureCard alarm={alarm} />
          <LiveCard key={alarm.alarmId} alarm={alarm} />
          <ClipsCard alarm={alarm} />
          <TracksCard alarm={alarm} />
          <HowCard alarm={alarm} />
        </div>
      </div>
    </>
  );
}

const LAMP_ORDER = ["yellow", "green", "beacon", "tone"] as const;

function LampsCard({ alarm }: { alarm: AlarmView }) {
  const { lamps, data } = alarm;
  const others = othersHere(alarm);
  if (!alarm.isOpen) {
    return (
      <section class="card" aria-labelledby="lamps-title">
        <h3 id="lamps-title">{t.detail.lamps}</h3>
        <p>{t.detail.lampsClosed} {t.detail.lampsElse(others.length)}</p>
      </section>
    );
  }
  const why = whyElse(alarm);
  return (
    <section class="card" aria-labelledby="lamps-title">
      <h3 id="lamps-title">{t.detail.lamps}</h3>
      {others.length > 0 && <p>{data.silent ? t.detail.lampsElse(others.length) : t.detail.lampsShared(others.length + 1)} {why !== null && t.detail.lampsOther(why)}</p>}
      <ul class="lamps">
        {LAMP_ORDER.map((name) => (
          <li key={name}>
            <span class={`lamp lamp-${name} pattern-${lamps[name]}`} aria-hidden="true" />
            <span class="lamp-name">{t.detail.lampNames[name]}</span>
            <strong>{t.detail.patterns[lamps[name]]}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

function PictureCard({ alarm }: { alarm: AlarmView }) {
  const { camera } = alarm.data;
  return (
    <section class="card" aria-labelledby="picture-title">
      <h3 id="picture-title">{t.detail.picture}</h3>
      {camera === undefined ? (
        <p>{t.detail.noCamera}</p>
      ) : (
        <>
          {camera.snapshot === undefined ? <p>{t.detail.cameraBlind}</p> : alarm.hasPicture ? <Picture id={camera.snapshot} alt={t.detail.pictureAlt(plain(camera.name, 64), place(alarm))} /> : <p>{t.detail.pictureWait}</p>}
          {camera.persons !== undefined && <p class="persons">{t.alarms.persons(camera.persons)}</p>}
          {camera.converging !== undefined && <p>{t.alarms.converging(camera.converging.people, Math.round(camera.converging.since_s))}</p>}
        </>
      )}
    </section>
  );
}

function said(answer: Answer | undefined): string | null {
  return answer === undefined ? null : t.detail.answeredAt(plain(answer.by ?? answer.issuer, 64), deviceClock(answer.at));
}

function FactsCard({ alarm }: { alarm: AlarmView }) {
  const { data } = alarm;
  const device = devices.get(alarm.source)?.value;
  const sent = data.answered_by?.dispatched;
  const closed = data.answered_by?.closed;
  return (
    <section class="card facts" aria-labelledby="facts-title">
      <h3 id="facts-title">{t.detail.facts}</h3>
      <dl>
        <Fact name={t.detail.stage}>{word(t.alarms.stages, data.stage)}{data.repeats > 0 && `, ${t.alarms.repeats(data.repeats)}`}</Fact>
        <Fact name={t.detail.holder}>{said(data.held_by) ?? t.detail.nobody}</Fact>
        <Fact name={t.detail.dispatched}>{sent && `${plain(sent.unit, 64)} (${said(sent) ?? ""})`}</Fact>
        <Fact name={t.detail.closed}>{closed && `${closed.reason === undefined ? "" : word(t.act.reasons, closed.reason)}${closed.note === undefined ? "" : `: ${plain(closed.note)}`} (${said(closed) ?? ""})`}</Fact>
        <Fact name={t.detail.kind}>{`${kindWord(data.kind)}, ${word(t.alarms.status, data.status)}`}</Fact>
        <Fact name={t.detail.presses}>{t.alarms.presses(data.press_count)}{data.reraised > 0 && `. ${t.alarms.reraised(data.reraised)}`}</Fact>
        <Fact name={t.detail.button}>{plain(data.input, 64)}</Fact>
        <Fact name={t.detail.where}>{plain(data.location?.text, 300)}</Fact>
        <Fact name={t.detail.position}>{data.location && `${Number(data.location.lat).toFixed(5)}, ${Number(data.location.lon).toFixed(5)}`}</Fact>
        <Fact name={t.detail.device}>
          <button
            type="button"
            class="link"
            onClick={() => {
              openedDevice.value = alarm.source;
              view.value = "devices";
            }}
          >
            {deviceName(alarm.source)}
          </button>
        </Fact>
        <Fact name={t.detail.deviceState}>{device && t.devices.presence[device.presence]}</Fact>
      </dl>
      <details>
        <summary>{t.detail.forAdministrator}</summary>
        <dl>
          <Fact name={t.detail.codes}>{`${t.detail.contactId} ${plain(data.codes?.contact_id, 8)} · ${t.detail.sia} ${plain(data.codes?.sia, 8)}`}</Fact>
          <Fact name={t.detail.id}>
            <code>{plain(alarm.alarmId, 64)}</code>
          </Fact>
        </dl>
      </details>
    </section>
  );
}

function HowCard({ alarm }: { alarm: AlarmView }) {
  const { data } = alarm;
  const unknown = alarm.wasOpenBefore ? t.detail.lateOpenBefore : t.detail.lateUnknown;
  const late = alarm.lateMs === null ? unknown : alarm.lateMs < 1000 ? t.detail.notLate : span(alarm.lateMs);
  const latency = Object.entries(data.latency_ms ?? {}).filter(([, ms]) => typeof ms === "number");
  return (
    <section class="card how" aria-labelledby="how-title">
      <h3 id="how-title">{t.detail.how}</h3>
      <dl>
        <Fact name={`${t.detail.pressedAt} (${t.detail.byKioskClock})`}>{deviceClock(data.raised_at, true)}</Fact>
        <Fact name={t.detail.firstHeard}>{clock(wall(alarm.firstHeardMs))}</Fact>
        <Fact name={t.detail.lateBy}>{late}</Fact>
        <Fact name={t.detail.sentLater}>{data.historical && t.alarms.historical}</Fact>
        <Fact name={t.detail.brokers}>{alarm.brokers.map((name) => plain(name, 40)).join(", ")}</Fact>
        <Fact name={t.detail.latency}>
          {latency.length > 0 && (
            <ul class="plain">
              {latency.map(([stage, ms]) => (
                <li key={stage}>
                  {word(t.detail.reached, stage)}: {ms < 10 ? t.detail.atOnce : span(ms)}
                </li>
              ))}
            </ul>
          )}
        </Fact>
      </dl>
    </section>
  );
}

// Events with the same `track` say where the people who were in view went.
function TracksCard({ alarm }: { alarm: AlarmView }) {
  events.changed.value;
  const tracks = new Set(alarm.data.camera?.tracks ?? []);
  if (tracks.size === 0) return null;
  const found = events.all().filter((group) => group.first.source === alarm.source && tracks.has(String(group.first.data["track"])));
  if (found.length === 0) return null;
  return (
    <section class="card" aria-labelledby="tracks-title">
      <h3 id="tracks-title">{t.detail.whereTheyWent}</h3>
      <ul class="plain">
        {found.slice(-20).map((group) => (
          <li key={group.id}>
            <button
              type="button"
              class="link"
              onClick={() => {
                showEvent(group);
              }}
            >
              {clock(wall(group.newest.heardMs))} {eventWord(group.newest)}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
