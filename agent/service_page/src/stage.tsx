// The picture with what is drawn on it, under one or two fingers.
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { contains, crossings, type Drawing, isSame, type Kind, type Point, pointsOf, type Ref, rounded } from "./drawing";
import type { Edit } from "./edit";
import type { Shown } from "./picture";
import { t } from "./strings";

/** How near a finger must be to a handle: half of 44 pixels. */
const REACH_PX = 22;
const SNAP_PX = 14;
/** A finger that moves less has tapped. */
const TAP_PX = 6;
const LOUPE_PX = 62;
const LOUPE_TIMES = 2.5;
/** How far a corner moves by an arrow, in fractions of the picture. */
export const NUDGE = 0.005;
const MOST_ZOOM = 6;

type Px = readonly [number, number];
export interface Zoom {
  times: number;
  /** What is in the middle, in fractions of the picture. */
  centre: Point;
}
export const WHOLE: Zoom = { times: 1, centre: [0.5, 0.5] };

/** Where the picture lies on the screen. */
class View {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  constructor(box: Px, picture: Px, zoom: Zoom) {
    const fit = Math.min(box[0] / picture[0], box[1] / picture[1]) * zoom.times;
    [this.width, this.height] = [picture[0] * fit, picture[1] * fit];
    [this.left, this.top] = [box[0] / 2 - zoom.centre[0] * this.width, box[1] / 2 - zoom.centre[1] * this.height];
  }
  px([x, y]: Point): Px {
    return [this.left + x * this.width, this.top + y * this.height];
  }
  point([x, y]: Px): Point {
    return [(x - this.left) / this.width, (y - this.top) / this.height];
  }
}

/** The same zoom, with the picture's edge no farther in than a quarter of the stage. */
export function held({ times, centre }: Zoom): Zoom {
  const most = Math.min(MOST_ZOOM, Math.max(1, times));
  const room = Math.max(0, 0.5 - 0.25 / most);
  const hold = (part: number): number => Math.min(0.5 + room, Math.max(0.5 - room, part));
  return { times: most, centre: [hold(centre[0]), hold(centre[1])] };
}

const away = ([ax, ay]: Px, [bx, by]: Px): number => Math.hypot(ax - bx, ay - by);
const middle = ([ax, ay]: Px, [bx, by]: Px): Px => [(ax + bx) / 2, (ay + by) / 2];

type Gesture =
  | { is: "place" }
  | { is: "corner"; corner: number; isNew: boolean; grip: Px; make: (point: Point) => Drawing | null }
  | { is: "pan"; from: Px; zoom: Zoom }
  | { is: "pinch"; apart: number; zoom: Zoom };

export function Stage({ edit, shown, zoom, onZoom }: { edit: Edit; shown: Shown | null; zoom: Zoom; onZoom: (zoom: Zoom) => void }) {
  const element = useRef<SVGSVGElement>(null);
  const box = useSignal<Px>([390, 420]);
  useLayoutEffect(() => {
    const measure = new ResizeObserver(([entry]) => entry && (box.value = [entry.contentRect.width, entry.contentRect.height]));
    if (element.current !== null) measure.observe(element.current);
    return () => measure.disconnect();
  }, []);
  const view = new View(box.value, shown === null ? [16, 9] : [shown.width, shown.height], zoom);
  const fingers = useRef(new Map<number, Px>());
  const gesture = useRef<Gesture | null>(null);
  const began = useRef<Px>([0, 0]);
  const { chosen, placing, candidate, draft, corner } = edit;
  const drawing = edit.shown.value;
  const points = chosen.value === null ? [] : pointsOf(drawing, chosen.value);
  const isFree = chosen.value !== null;

  const at = (event: PointerEvent): Px => {
    const { left, top } = element.current!.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const snap = (px: Px): Point => edit.snap(rounded(view.point(px)), [SNAP_PX / view.width, SNAP_PX / view.height]);

  const down = (event: PointerEvent) => {
    const px = at(event);
    element.current?.setPointerCapture(event.pointerId);
    fingers.current.set(event.pointerId, px);
    candidate.value = draft.value = null;
    const [one, other] = [...fingers.current.values()];
    if (one !== undefined && other !== undefined) {
      gesture.current = { is: "pinch", apart: away(one, other), zoom }; // and what one finger had begun is not done
      return;
    }
    began.current = px;
    if (placing.value !== null) {
      gesture.current = { is: "place" };
      candidate.value = snap(px);
      return;
    }
    gesture.current = (isFree && grip(px)) || { is: "pan", from: px, zoom };
    if (gesture.current.is === "corner" && !gesture.current.isNew) corner.value = gesture.current.corner;
  };

  /** What a finger takes hold of: a corner, else the middle of a side, which becomes one. */
  function grip(px: Px): Gesture | null {
    const nearest = (all: readonly Px[]): number => {
      const distances = all.map((each) => away(each, px));
      const best = distances.indexOf(Math.min(...distances));
      return (distances[best] ?? Infinity) <= REACH_PX ? best : -1;
    };
    const drawn = points.map((point) => view.px(point));
    const own = nearest(drawn);
    if (own >= 0) return { is: "corner", corner: own, isNew: false, grip: offset(px, drawn[own]!), make: (point) => edit.moved(own, point) };
    const sides = middles();
    const side = nearest(sides.map(([, each]) => each));
    const found = sides[side];
    if (found === undefined) return null;
    const [after, place] = found;
    return { is: "corner", corner: after + 1, isNew: true, grip: offset(px, place), make: (point) => edit.inserted(after, point) };
  }
  const offset = (px: Px, of: Px): Px => [of[0] - px[0], of[1] - px[1]];

  /** The middles of the sides that are long enough for a handle of their own, each after its corner. */
  function middles(): [number, Px][] {
    if (!isFree || chosen.value?.kind === "lines" || crossings(points).length > 0) return [];
    return points.flatMap((point, number) => {
      const [from, to] = [view.px(point), view.px(points[(number + 1) % points.length]!)];
      return away(from, to) < 4 * REACH_PX ? [] : [[number, middle(from, to)] as [number, Px]];
    });
  }

  const move = (event: PointerEvent) => {
    if (!fingers.current.has(event.pointerId)) return;
    const px = at(event);
    fingers.current.set(event.pointerId, px);
    const now = gesture.current;
    if (now?.is === "pinch") {
      const [one, other] = [...fingers.current.values()];
      if (one !== undefined && other !== undefined) onZoom(held({ ...now.zoom, times: (now.zoom.times * away(one, other)) / now.apart }));
    } else if (now?.is === "place") candidate.value = snap(px);
    else if (now?.is === "corner") {
      if (draft.value === null && away(px, began.current) < TAP_PX) return;
      const point = snap([px[0] + now.grip[0], px[1] + now.grip[1]]);
      draft.value = now.make(point);
      candidate.value = point;
    } else if (now?.is === "pan" && away(px, now.from) >= TAP_PX) {
      const centre: Point = [now.zoom.centre[0] - (px[0] - now.from[0]) / view.width, now.zoom.centre[1] - (px[1] - now.from[1]) / view.height];
      onZoom(held({ ...now.zoom, centre }));
    }
  };

  const up = (event: PointerEvent) => {
    if (!fingers.current.delete(event.pointerId)) return;
    const [now, px] = [gesture.current, at(event)];
    if (fingers.current.size > 0) return;
    gesture.current = null;
    const [point, drawn] = [candidate.value, draft.value];
    candidate.value = draft.value = null;
    if (now?.is === "place" && point !== null) {
      const first = placing.value?.points[0];
      edit.put(point, first !== undefined && away(view.px(first), view.px(point)) < 2);
    } else if (now?.is === "corner") {
      const put = drawn ?? (now.isNew ? now.make(snap([px[0] + now.grip[0], px[1] + now.grip[1]])) : null);
      if (put !== null) edit.change(put);
      corner.value = now.corner;
    } else if (now?.is === "pan" && away(px, now.from) < TAP_PX) edit.choose(thingAt(drawing, view, px));
  };

  const cancel = (event: PointerEvent) => {
    fingers.current.delete(event.pointerId);
    gesture.current = null;
    candidate.value = draft.value = null;
  };

  const key = (number: number) => (event: KeyboardEvent) => {
    const step = { ArrowLeft: [-NUDGE, 0], ArrowRight: [NUDGE, 0], ArrowUp: [0, -NUDGE], ArrowDown: [0, NUDGE] }[event.key];
    corner.value = number;
    if (step !== undefined) nudge(edit, step[0]!, step[1]!);
    else if (event.key === "Delete" || event.key === "Backspace") edit.removeCorner();
    else return;
    event.preventDefault();
  };

  const name = (ref: Ref) => nameOf(drawing, ref);
  return (
    // The browser makes nothing of these touches: it would take what follows a quick drag for the end of a fling.
    <svg ref={element} class="stage" role="group" aria-label={t.draw.picture(edit.camera)} onTouchStart={(event) => event.preventDefault()} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={cancel}>
      <defs>
        <pattern id="hatch" width="10" height="10" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="10" height="10" class="hatch-under" />
          <rect width="2" height="10" class="hatch-over" />
        </pattern>
        <clipPath id="loupe">
          <circle r={LOUPE_PX} />
        </clipPath>
      </defs>
      <Picture shown={shown} view={view} />
      <Things drawing={drawing} view={view} chosen={chosen.value} edit={edit} />
      <Placing edit={edit} view={view} />
      {middles().map(([after, [x, y]]) => (
        <g key={`more-${after}`} class="more" transform={`translate(${x} ${y})`} role="button" tabIndex={0} aria-label={t.draw.more(after + 1)} onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          const put = edit.inserted(after, rounded(view.point([x, y])));
          if (put !== null) edit.change(put);
        }}>
          <circle r={REACH_PX} class="reach" />
          <circle r="8" />
          <path d="M-4 0H4M0 -4V4" />
        </g>
      ))}
      {isFree && points.map((point, number) => {
        const [x, y] = view.px(point);
        return (
          <g key={`corner-${number}`} class={`corner${corner.value === number ? " is-chosen" : ""}`} transform={`translate(${x} ${y})`} role="button" tabIndex={0} aria-pressed={corner.value === number} aria-label={t.draw.corner(number + 1, point[0], point[1])} onKeyDown={key(number)} onFocus={() => (corner.value = number)}>
            <circle r={REACH_PX} class="reach" />
            <circle r="10" />
          </g>
        );
      })}
      {candidate.value !== null && <Loupe point={candidate.value} box={box.value} view={view} shown={shown} drawing={drawing} edit={edit} />}
      <title>{chosen.value === null ? t.draw.picture(edit.camera) : name(chosen.value)}</title>
    </svg>
  );
}

/** Move the corner that is chosen, or the one that was placed last. */
export function nudge(edit: Edit, x: number, y: number): void {
  const placing = edit.placing.peek();
  const last = placing?.points.at(-1);
  if (placing !== null && last !== undefined) {
    edit.placing.value = { ...placing, points: [...placing.points.slice(0, -1), rounded([last[0] + x, last[1] + y])] };
    return;
  }
  const [ref, corner] = [edit.chosen.peek(), edit.corner.peek()];
  const point = ref === null || corner === null ? undefined : pointsOf(edit.now.peek(), ref)[corner];
  if (ref === null || point === undefined || corner === null) return;
  const moved = edit.moved(corner, rounded([point[0] + x, point[1] + y]));
  if (moved !== null) edit.change(moved);
}

export function nameOf(drawing: Drawing, { kind, index }: Ref): string {
  return kind === "masks" ? t.draw.mask(index + 1) : (drawing[kind][index]?.name ?? "");
}

/** What lies under a finger: a line before an area, and what was drawn last before what lies below it. */
function thingAt(drawing: Drawing, view: View, px: Px): Ref | null {
  const lines = drawing.lines.map(({ from, to }, index) => [index, fromLine(px, view.px(from), view.px(to))] as const);
  const near = lines.filter(([, distance]) => distance <= REACH_PX).sort((one, other) => one[1] - other[1])[0];
  if (near !== undefined) return { kind: "lines", index: near[0] };
  for (const kind of ["zones", "masks"] as const) {
    for (let index = drawing[kind].length - 1; index >= 0; index--) {
      if (contains(pointsOf(drawing, { kind, index }), view.point(px))) return { kind, index };
    }
  }
  return null;
}

function fromLine(px: Px, from: Px, to: Px): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const along = Math.min(1, Math.max(0, ((px[0] - from[0]) * dx + (px[1] - from[1]) * dy) / (dx * dx + dy * dy || 1)));
  return away(px, [from[0] + along * dx, from[1] + along * dy]);
}

function Picture({ shown, view }: { shown: Shown | null; view: View }) {
  const where = { x: view.left, y: view.top, width: view.width, height: view.height };
  return shown === null ? <rect class="no-picture" {...where} /> : <image href={shown.url} preserveAspectRatio="none" {...where} />;
}

interface Drawn {
  drawing: Drawing;
  view: View;
  chosen: Ref | null;
  edit: Edit;
}

const FROM_BELOW: readonly Kind[] = ["masks", "zones", "lines"];

function Things({ drawing, view, chosen, edit }: Drawn) {
  return (
    <>
      {edit.uncovered.value.map((points, index) => <Gone key={`gone-${index}`} px={points.map((point) => view.px(point))} />)}
      {FROM_BELOW.flatMap((kind) => drawing[kind].map((_, index) => <Thing key={`${kind}-${index}`} drawing={drawing} view={view} at={{ kind, index }} isChosen={isSame(chosen, { kind, index })} isInForce={edit.isInForce({ kind, index })} />))}
    </>
  );
}

function Thing({ drawing, view, at, isChosen, isInForce }: { drawing: Drawing; view: View; at: Ref; isChosen: boolean; isInForce: boolean }) {
  const points = pointsOf(drawing, at);
  const px = points.map((point) => view.px(point));
  const state = `${isChosen ? " is-chosen" : ""}${isInForce ? " is-in-force" : ""}`;
  if (at.kind === "lines") return <Line from={px[0] ?? [0, 0]} to={px[1] ?? [0, 0]} name={nameOf(drawing, at)} isChosen={isChosen} />;
  const bad = crossings(points);
  const [x, y] = centre(px);
  return (
    <g class={`area is-${at.kind}${state}${bad.length > 0 ? " is-bad" : ""}`}>
      <polygon points={px.map((each) => each.join()).join(" ")} />
      {bad.map((side) => {
        const [[ax, ay], [bx, by]] = [px[side]!, px[(side + 1) % px.length]!];
        return <path key={side} class="crossing" d={`M${ax} ${ay}L${bx} ${by}`} />;
      })}
      <text x={Math.max(32, x)} y={y}>{nameOf(drawing, at)}</text>
    </g>
  );
}

/** A mask in force that is to be taken away, or to be another. */
function Gone({ px }: { px: readonly Px[] }) {
  const [x, y] = centre(px);
  return (
    <g class="gone">
      <polygon points={px.map((each) => each.join()).join(" ")} />
      <text x={Math.max(56, x)} y={y}>{t.draw.goes}</text>
    </g>
  );
}

const centre = (all: readonly Px[]): Px => [all.reduce((sum, [x]) => sum + x, 0) / all.length, all.reduce((sum, [, y]) => sum + y, 0) / all.length];

/** With its arrow, and its sides as somebody has them who walks along it. */
function Line({ from, to, name, isChosen }: { from: Px; to: Px; name: string; isChosen: boolean }) {
  const long = away(from, to) || 1;
  const [ux, uy] = [(to[0] - from[0]) / long, (to[1] - from[1]) / long];
  const [mx, my] = middle(from, to);
  const beside = (side: number): { x: number; y: number } => ({ x: mx + side * -uy * 26, y: my + side * ux * 26 + 5 });
  return (
    <g class={`line${isChosen ? " is-chosen" : ""}`}>
      <path d={`M${from.join()}L${to.join()}`} />
      <polygon points={[[to[0], to[1]], [to[0] - ux * 18 - uy * 9, to[1] - uy * 18 + ux * 9], [to[0] - ux * 18 + uy * 9, to[1] - uy * 18 - ux * 9]].map((each) => each.join()).join(" ")} />
      {isChosen ? (
        <>
          <text {...beside(-1)}>{t.draw.left}</text>
          <text {...beside(1)}>{t.draw.right}</text>
        </>
      ) : (
        <text x={mx} y={my - 10}>{name}</text>
      )}
    </g>
  );
}

function Placing({ edit, view }: { edit: Edit; view: View }) {
  const placing = edit.placing.value;
  if (placing === null) return null;
  const candidate = edit.candidate.value;
  const points = candidate === null ? placing.points : [...placing.points, candidate];
  const px = points.map((point) => view.px(point));
  const bad = placing.kind === "lines" ? [] : crossings(points);
  return (
    <g class={`placing is-${placing.kind}${bad.length > 0 ? " is-bad" : ""}`}>
      <polygon points={px.map((each) => each.join()).join(" ")} />
      {px.map(([x, y], at) => <circle key={at} cx={x} cy={y} r={at === 0 ? 10 : 6} />)}
    </g>
  );
}

/** What the finger hides, larger, above it; below it where there is no room above. */
function Loupe({ point, box, view, shown, drawing, edit }: { point: Point; box: Px; view: View; shown: Shown | null; drawing: Drawing; edit: Edit }) {
  const [x, y] = view.px(point);
  const above = y - LOUPE_PX - 56;
  const top = above >= LOUPE_PX + 4 ? above : Math.min(box[1] - LOUPE_PX - 4, y + LOUPE_PX + 56);
  const across = Math.min(box[0] - LOUPE_PX - 4, Math.max(LOUPE_PX + 4, x));
  const larger = Object.assign(Object.create(View.prototype) as View, {
    width: view.width * LOUPE_TIMES,
    height: view.height * LOUPE_TIMES,
    left: -point[0] * view.width * LOUPE_TIMES,
    top: -point[1] * view.height * LOUPE_TIMES,
  });
  return (
    <g class="loupe" transform={`translate(${across} ${top})`} aria-hidden="true">
      <g clip-path="url(#loupe)">
        <circle r={LOUPE_PX} class="no-picture" />
        <Picture shown={shown} view={larger} />
        <Things drawing={drawing} view={larger} chosen={edit.chosen.value} edit={edit} />
        <Placing edit={edit} view={larger} />
        <path class="cross-under" d="M-20 0H20M0 -20V20" />
        <path class="cross" d="M-20 0H20M0 -20V20" />
      </g>
      <circle r={LOUPE_PX} class="rim" />
    </g>
  );
}
