// Events and security events, grouped: a line opens when something begins and closes when it ends.
import type { EventView } from "../protocol";
import { focusDetail } from "./focus";
import { RowList } from "./list";
import { Fact, Panes } from "./panes";
import { Picture } from "./picture";
import { eventOrder, groups, groupsChanged, losses, openedGroup, type EventGroup } from "./state";
import { t } from "./strings";
import { wall } from "./time";
import { clock, deviceName, plain, span, word } from "./words";

/** `person-entered` of `edge.event.person-entered.v2`. */
function shortType(type: string): string {
  return type.split(".")[2] ?? type;
}

/** What has happened, in words; a type that is newer than this page by its own name. */
export function eventWord(event: EventView): string {
  const short = shortType(event.type);
  return word(t.events.types, short, 60);
}

const ENDS = new Set(["person-left", "part-restored", "in-service", "siren-stopped", "test-mode-ended"]);

function isOver(event: EventView): boolean {
  return ENDS.has(shortType(event.type)) || event.data["phase"] === "ended" || event.data["active"] === false;
}

/** Whether the group is of something that lasts, and so goes on until it is over. */
function lasts({ first, newest }: EventGroup): boolean {
  const short = shortType(first.type);
  return typeof first.data["event_id"] === "string" && short in t.events.types && short !== "line-crossed" && !isOver(newest);
}

function summary(event: EventView): string {
  const { data } = event;
  const detail = (data["detail"] ?? {}) as unknown;
  const words = [
    typeof data["camera"] === "string" && t.events.camera(plain(data["camera"], 40)),
    typeof data["zone"] === "string" && t.events.zone(plain(data["zone"], 40)),
    data["unseen"] === true && t.events.unseen,
    ...["line", "part", "input", "kind", "fault", "outcome", "severity"].map((name) => typeof data[name] === "string" && data[name] !== shortType(event.type) && plain(data[name], 60)),
    typeof data["left_to_right"] === "number" && typeof data["right_to_left"] === "number" && t.events.crossed(data["left_to_right"], data["right_to_left"]),
    typeof data["persons"] === "number" && data["persons"] > 0 && t.alarms.persons(data["persons"]),
    Array.isArray(data["reasons"]) && data["reasons"].map((reason) => plain(reason, 40)).join(", "),
    typeof data["text"] === "string" && plain(data["text"], 160),
    typeof detail === "string" && plain(detail, 160),
  ];
  return words.filter((word) => typeof word === "string" && word !== "").join(" · ");
}

export function Events() {
  groupsChanged.value;
  const opened = openedGroup.value;
  return (
    <Panes
      title={groups.size === 0 ? t.events.none : t.events.title(groups.size)}
      above={
        <>
          <Losses />
          <p class="small">{groups.size > 0 && t.events.newest} {t.events.noAlarms}</p>
        </>
      }
      list={<RowList order={eventOrder} label={t.views.events} opened={opened} row={(id) => <Row id={id} />} onOpen={open} />}
      detail={opened !== null && groups.has(opened) ? <Detail key={opened} id={opened} /> : null}
      hint={groups.size === 0 ? t.events.waitFor : t.events.choose}
      onBack={() => (openedGroup.value = null)}
    />
  );
}

function open(id: string): void {
  openedGroup.value = id;
  focusDetail();
}

function Losses() {
  if (losses.value.length === 0) return null;
  return (
    <details class="losses">
      <summary>{t.events.losses(losses.value.length)}</summary>
      <ul class="plain">
        {losses.value.slice(0, 200).map((loss) => (
          <li key={`${loss.source} ${loss.first}`}>
            {deviceName(loss.source)}: {t.events.loss(loss.first, loss.last)}, {t.events.lossStates[loss.state]}
          </li>
        ))}
      </ul>
    </details>
  );
}

function state(group: EventGroup): string {
  const { first, newest } = group;
  if (lasts(group)) return t.events.going;
  if (!isOver(newest)) return "";
  const duration = newest.data["duration_ms"];
  if (typeof duration === "number") return t.events.over(span(duration));
  return first === newest ? t.events.ended : t.events.over(span(newest.heardMs - first.heardMs));
}

function Row({ id }: { id: string }) {
  const group = groups.get(id)?.value;
  if (group === undefined) return <span class="row" />;
  const { first, newest } = group;
  const severity = newest.data["severity"];
  return (
    <button type="button" class={`row event-row${severity === "alert" ? " is-alert" : ""}`} data-id={id} tabIndex={-1}>
      <span class="row-time">{clock(wall(first.heardMs))}</span>
      <span class="row-main">
        <span class="row-place">{eventWord(first)}{severity === "alert" && " ▲"}</span>
        <span class="row-more">{deviceName(first.source)}{summary(newest) !== "" && ` · ${summary(newest)}`}</span>
      </span>
      <span class="row-side">
        <span class="row-count">{state(group)}</span>
        {newest.historical && <span class="row-count">{t.events.historical}</span>}
      </span>
    </button>
  );
}

function Detail({ id }: { id: string }) {
  const group = groups.get(id)?.value;
  if (group === undefined) return null;
  const { first, newest } = group;
  const snapshot = first.data["snapshot"];
  return (
    <>
      <header class="plain-head">
        <h2 tabIndex={-1}>{eventWord(newest)}</h2>
        <p class="standing">{state(group)}</p>
      </header>
      <div class="cards">
        <section class="card" aria-labelledby="event-title">
          <h3 id="event-title">{t.events.all}</h3>
          <dl>
            <Fact name={t.detail.device}>{deviceName(newest.source)}</Fact>
            <Fact name={t.events.type}>{plain(newest.type, 100)}</Fact>
            <Fact name={t.events.heard}>{clock(wall(first.heardMs))}{newest !== first && ` – ${clock(wall(newest.heardMs))}`}</Fact>
            <Fact name={t.events.told}>{newest.timeMs === null ? t.events.noClock : clock(newest.timeMs)}</Fact>
            <Fact name={t.events.messages}>{group.count}</Fact>
            {Object.entries(newest.data).slice(0, 60).map(([name, value]) => (
              <Fact key={name} name={plain(name, 60)}>{plain(value, 1000)}</Fact>
            ))}
          </dl>
        </section>
        {typeof snapshot === "string" && (
          <section class="card" aria-labelledby="event-picture-title">
            <h3 id="event-picture-title">{t.events.picture}</h3>
            <Picture id={snapshot} alt={t.events.pictureAlt(plain(first.data["camera"], 64), deviceName(first.source))} />
          </section>
        )}
      </div>
    </>
  );
}
