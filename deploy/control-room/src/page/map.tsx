// The map: kiosks and alarms over the outlines of the provinces, on one canvas. The lists say all of it in words.
import * as L from "leaflet";
import "leaflet/dist/leaflet.css";
import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { AlarmView, Settings } from "../protocol";
import { openAlarm } from "./alarms";
import { DoNot, shapeOf, standing, Waited } from "./standing";
import { deviceShape, openDevice } from "./devices";
import { Shape, SHAPES, type ShapeName } from "./shapes";
import { devices, devicesChanged, settings, shownAlarms, untaken, view } from "./state";
import { t } from "./strings";
import { drawTiles } from "./tiles";
import { deviceName, doNot, nameOf } from "./words";

// Leaflet's canvas draws circles only. These few of its inner names have been the same since 1.0.
interface Inner {
  _point: L.Point;
  _radius: number;
  _renderer: { _ctx: CanvasRenderingContext2D; _drawing: boolean; _layers: Record<number, unknown>; _fillStroke(ctx: CanvasRenderingContext2D, layer: unknown): void };
}

/** Leaflet loses count of the redraws that it has asked for, and one may come when the map is gone. */
class Canvas extends L.Canvas {
  _redraw(): void {
    if ("_ctx" in this) Object.getPrototypeOf(Canvas.prototype)._redraw.call(this);
  }
}

class ShapeMarker extends L.CircleMarker {
  constructor(
    at: L.LatLngExpression,
    public shape: ShapeName,
    options: L.CircleMarkerOptions,
  ) {
    super(at, options);
  }

  _updatePath(): void {
    const { _point: point, _radius: radius, _renderer: renderer } = this as unknown as Inner;
    if (!renderer._drawing) return;
    const ctx = renderer._ctx;
    ctx.beginPath();
    for (const [x, y] of SHAPES[this.shape]) ctx.lineTo(point.x + ((x - 12) / 12) * radius, point.y + ((y - 12) / 12) * radius);
    ctx.closePath();
    renderer._fillStroke(ctx, this);
  }
}

const LEGEND: readonly (readonly [ShapeName, string])[] = [
  ["untaken", t.map.alarmUntaken],
  ["silent", t.map.alarmSilent],
  ["silent-held", t.map.alarmSilentHeld],
  ["taken", t.map.alarmTaken],
  ["dispatched", t.map.alarmDispatched],
  ["lost", t.map.alarmLost],
  ["drill", t.map.alarmDrill],
  ["online", t.map.online],
  ["trouble", t.map.trouble],
  ["out", t.map.out],
  ["away", t.map.away],
];
/** A colour of the style sheet as a canvas understands it. */
function colour(name: string): string {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// Where the map was left, for the next look at it.
let lastView: { centre: L.LatLng; zoom: number } | null = null;
/** What could not be drawn, one sentence each. */
const missing = signal<readonly string[]>([]);
const unplaced = signal(0);
/** Open alarms that are nowhere on the map. */
const off = signal<readonly AlarmView[]>([]);
const MOST_OFF = 20;

export function MapView() {
  const element = useRef<HTMLDivElement>(null);
  const map = useRef<L.Map | null>(null);
  useEffect(() => {
    if (element.current === null) return;
    missing.value = [];
    const made = begin(element.current);
    map.current = made;
    const bounds = L.latLngBounds([]);
    const stop = drawAll(made, bounds);
    const leaving = new AbortController();
    void drawOutlines(made, bounds, leaving.signal).then(() => {
      if (!leaving.signal.aborted && lastView === null && bounds.isValid()) made.fitBounds(bounds, { animate: false });
    });
    return () => {
      leaving.abort();
      lastView = { centre: made.getCenter(), zoom: made.getZoom() };
      stop();
      made.remove();
    };
  }, []);
  return (
    <div class="map-view">
      <h1 class="visually-hidden">{t.views.map}</h1>
      <div class="map-frame">
        <div ref={element} class="map" role="application" aria-label={t.map.label} tabIndex={0} />
        {isBare(settings.value) && <p class="map-bare">{t.map.bare}</p>}
      </div>
      <aside class="map-side">
        {untaken.value.length > 0 && (
          <section aria-labelledby="jump-title">
            <h2 id="jump-title">{t.map.jump}</h2>
            <ul class="plain">
              {untaken.value.slice(0, 20).map((alarm) => (
                <li key={alarm.alarmId}>
                  <button type="button" class="link" onClick={() => toAlarm(alarm.alarmId)}>
                    <DoNot alarm={alarm} /> {nameOf(alarm)} (<Waited alarm={alarm} />)
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
        {off.value.length > 0 && (
          <section aria-labelledby="off-title">
            <h2 id="off-title">{t.map.off(off.value.length)}</h2>
            <ul class="plain">
              {off.value.slice(0, MOST_OFF).map((alarm) => (
                <li key={alarm.alarmId}>
                  <button type="button" class="link" onClick={() => toAlarm(alarm.alarmId)}><DoNot alarm={alarm} /> {nameOf(alarm)}</button> {standing(alarm)}
                </li>
              ))}
            </ul>
            <p class="small">{t.map.offWhy}</p>
          </section>
        )}
        <section aria-labelledby="legend-title">
          <h2 id="legend-title">{t.map.legend}</h2>
          <ul class="legend">
            {LEGEND.map(([shape, word]) => (
              <li key={shape}>
                <Shape name={shape} /> {word}
              </li>
            ))}
          </ul>
          {unplaced.value > 0 && <p class="small">{t.map.unplaced(unplaced.value)}</p>}
          {missing.value.map((words) => <p key={words} class="small" role="status">{words}</p>)}
          <p class="small">{t.map.origin}</p>
        </section>
      </aside>
    </div>
  );
}

/** Whether there is nothing to see but signs. */
function isBare(set: Settings | null): boolean {
  return set !== null && set.outlines.length === 0 && set.tiles === null;
}

function begin(element: HTMLElement): L.Map {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(element, { renderer: new Canvas(), attributionControl: false, zoomControl: false, zoomSnap: 0.5, minZoom: 4, maxZoom: 19, zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still });
  L.control.zoom({ position: "topright", zoomInTitle: t.map.zoomIn, zoomOutTitle: t.map.zoomOut }).addTo(map);
  map.setView(lastView?.centre ?? [-28.5, 25], lastView?.zoom ?? 5, { animate: false });
  const tiles = settings.peek()?.tiles;
  if (tiles) drawTiles(map, tiles, miss);
  return map;
}

async function drawOutlines(map: L.Map, bounds: L.LatLngBounds, left: AbortSignal): Promise<void> {
  const style = { color: colour("--line-strong"), weight: 1.5, fillColor: colour("--surface"), fillOpacity: settings.peek()?.tiles ? 0 : 1 };
  for (const file of settings.peek()?.outlines ?? []) {
    try {
      const answer = await fetch(file, { signal: left });
      if (!answer.ok) throw new Error(answer.statusText);
      const shapes = (await answer.json()) as never;
      if (left.aborted) return;
      const outline = L.geoJSON(shapes, { interactive: false, style });
      outline.addTo(map).eachLayer((layer) => void (layer as L.Path).bringToBack());
      bounds.extend(outline.getBounds());
    } catch {
      if (left.aborted) return;
      miss(t.map.outlineMissing(file));
    }
  }
}

function miss(words: string): void {
  missing.value = [...missing.peek(), words];
}

interface Drawn {
  marker: ShapeMarker;
  look: string;
}

// Redraws what has changed, at most twice a second: thousands of devices report all the time.
function drawAll(map: L.Map, bounds: L.LatLngBounds): () => void {
  const edge = colour("--surface");
  const colours = Object.fromEntries(Object.keys(SHAPES).map((shape) => [shape, colour(`--shape-${shape}`)])) as Record<ShapeName, string>;
  const drawn = new Map<string, Drawn>();
  const layer = L.layerGroup().addTo(map);
  let timer: ReturnType<typeof setTimeout> | null = null;
  const draw = () => {
    timer = null;
    const wanted = new Set<string>();
    // Returns whether there is such a place.
    const put = (id: string, at: { lat: number; lon: number } | undefined, shape: ShapeName, size: number, label: string, onClick: () => void): boolean => {
      if (at === undefined) return false;
      const { lat, lon } = at;
      if (!Number.isFinite(lat) || !Number.isFinite(lon) || Math.abs(lat) > 90 || Math.abs(lon) > 180) return false;
      wanted.add(id);
      const look = `${shape} ${lat} ${lon}`;
      if (drawn.get(id)?.look === look) return true;
      drawn.get(id)?.marker.remove();
      const marker = new ShapeMarker([lat, lon], shape, { radius: size, color: edge, weight: 1.5, fillColor: colours[shape], fillOpacity: 1 });
      // A text node, since Leaflet takes a string for HTML.
      marker.bindTooltip(() => document.createTextNode(label) as unknown as HTMLElement);
      marker.on("click", onClick);
      layer.addLayer(marker);
      drawn.set(id, { marker, look });
      bounds.extend([lat, lon]);
      return true;
    };
    let without = 0;
    for (const held of devices.values()) {
      const device = held.peek();
      const isOn = put(device.source, device.meta?.location, deviceShape(device), 6, deviceName(device.source), () => ((view.value = "devices"), openDevice(device.source)));
      if (!isOn) without += 1;
    }
    unplaced.value = without;
    const nowhere: AlarmView[] = [];
    for (const alarm of [...shownAlarms.peek()].reverse()) {
      const at = alarm.data.location ?? devices.get(alarm.source)?.peek().meta?.location;
      if (!put(alarm.alarmId, at, shapeOf(alarm), 12, [doNot(alarm), nameOf(alarm)].filter(Boolean).join(" "), () => toAlarm(alarm.alarmId))) nowhere.unshift(alarm);
    }
    off.value = nowhere;
    for (const [id, { marker }] of drawn) {
      if (wanted.has(id)) continue;
      marker.remove();
      drawn.delete(id);
    }
  };
  const stop = effect(() => {
    devicesChanged.value;
    shownAlarms.value;
    timer ??= setTimeout(draw, drawn.size === 0 ? 0 : 500);
  });
  return () => {
    stop();
    if (timer !== null) clearTimeout(timer);
  };
}

function toAlarm(id: string): void {
  view.value = "alarms";
  openAlarm(id);
}
