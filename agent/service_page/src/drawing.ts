// Zones, lines and masks as somebody draws them. Pure. Points are fractions of the picture, as in the settings file.
export type Point = readonly [number, number];

/** As in the settings file, with all that it says of it. */
export interface Zone {
  readonly name: string;
  readonly polygon: readonly Point[];
  readonly loitering_after_s?: number;
}
export interface Line {
  readonly name: string;
  readonly from: Point;
  readonly to: Point;
}
export interface Drawing {
  readonly zones: readonly Zone[];
  readonly lines: readonly Line[];
  readonly masks: readonly (readonly Point[])[];
}

export type Kind = keyof Drawing;
export const KINDS: readonly Kind[] = ["zones", "lines", "masks"];
export interface Ref {
  readonly kind: Kind;
  readonly index: number;
}
export const isSame = (one: Ref | null, other: Ref | null): boolean => one?.kind === other?.kind && one?.index === other?.index;

/** The most that the settings take. */
export const MOST: Record<Kind, number> = { zones: 16, lines: 16, masks: 10 };
export const MOST_CORNERS: Record<Kind, number> = { zones: 32, lines: 2, masks: 100 };
export const FEWEST: Record<Kind, number> = { zones: 3, lines: 2, masks: 3 };

export function pointsOf(drawing: Drawing, { kind, index }: Ref): readonly Point[] {
  if (kind === "zones") return drawing.zones[index]?.polygon ?? [];
  if (kind === "masks") return drawing.masks[index] ?? [];
  const line = drawing.lines[index];
  return line === undefined ? [] : [line.from, line.to];
}

/** The same drawing with these points of one of its things. */
export function withPoints(drawing: Drawing, { kind, index }: Ref, points: readonly Point[]): Drawing {
  const put = <T>(all: readonly T[], make: (old: T) => T): T[] => all.map((each, at) => (at === index ? make(each) : each));
  if (kind === "zones") return { ...drawing, zones: put(drawing.zones, (zone) => ({ ...zone, polygon: points })) };
  if (kind === "masks") return { ...drawing, masks: put(drawing.masks, () => points) };
  const [from, to] = points;
  return from === undefined || to === undefined ? drawing : { ...drawing, lines: put(drawing.lines, (line) => ({ ...line, from, to })) };
}

export const without = (drawing: Drawing, { kind, index }: Ref): Drawing => ({ ...drawing, [kind]: drawing[kind].filter((_, at) => at !== index) });

/** The drawing with one more thing at the end, and where that is. */
export function added(drawing: Drawing, kind: Kind, points: readonly Point[]): [Drawing, Ref] {
  const ref = { kind, index: drawing[kind].length };
  const name = freeName(drawing, kind);
  if (kind === "zones") return [{ ...drawing, zones: [...drawing.zones, { name, polygon: points }] }, ref];
  if (kind === "masks") return [{ ...drawing, masks: [...drawing.masks, points] }, ref];
  const [from = [0, 0], to = [0, 0]] = points;
  return [{ ...drawing, lines: [...drawing.lines, { name, from, to }] }, ref];
}

function freeName(drawing: Drawing, kind: Kind): string {
  const taken = new Set(kind === "masks" ? [] : drawing[kind].map(({ name }) => name));
  const stem = kind === "zones" ? "zone" : "line";
  let number = 1;
  while (taken.has(`${stem}-${number}`)) number++;
  return `${stem}-${number}`;
}

/** Inside of the picture, to a ten-thousandth: finer than any picture. */
export const rounded = ([x, y]: Point): Point => [Math.round(clamp(x) * 1e4) / 1e4, Math.round(clamp(y) * 1e4) / 1e4];
const clamp = (part: number): number => Math.min(1, Math.max(0, part));

/** The point, or what it is near to: a corner of something else first, then an edge of the picture. `reach` is how near, in
 * fractions of the picture's width and height. */
export function snapped([x, y]: Point, corners: readonly Point[], [reachX, reachY]: Point): Point {
  let [best, nearest]: [Point | null, number] = [null, 1];
  for (const corner of corners) {
    const away = Math.hypot((corner[0] - x) / reachX, (corner[1] - y) / reachY);
    if (away <= nearest) [best, nearest] = [corner, away];
  }
  if (best !== null) return best;
  const edge = (part: number, reach: number): number => (part < reach ? 0 : part > 1 - reach ? 1 : part);
  return rounded([edge(x, reachX), edge(y, reachY)]);
}

/** Every corner but those of `but`. */
export function corners(drawing: Drawing, but: Ref | null): Point[] {
  return KINDS.flatMap((kind) => drawing[kind].flatMap((_, index) => (isSame({ kind, index }, but) ? [] : pointsOf(drawing, { kind, index }))));
}

/** The sides of a polygon that meet where they must not, by the number of the corner that they begin at; as agent/core/polygon.py. */
export function crossings(points: readonly Point[]): number[] {
  const found = new Set<number>();
  const side = (at: number): [Point, Point] => [points[at] as Point, points[(at + 1) % points.length] as Point];
  if (points.length < 3) return [];
  for (let one = 0; one < points.length; one++) {
    for (let other = one + 1; other < points.length; other++) {
      if (cross(side(one), side(other))) found.add(one).add(other);
    }
  }
  return [...found];
}

type Side = readonly [Point, Point];
const isAt = (one: Point, other: Point): boolean => one[0] === other[0] && one[1] === other[1];
const turn = (start: Point, end: Point, point: Point): number => (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0]);
const between = (start: Point, end: Point, point: Point): boolean =>
  [0, 1].every((axis) => Math.min(start[axis]!, end[axis]!) <= point[axis]! && point[axis]! <= Math.max(start[axis]!, end[axis]!));
const turnsBack = (start: Point, corner: Point, end: Point): boolean => turn(start, corner, end) === 0 && !between(start, end, corner);

function cross([a, b]: Side, [c, d]: Side): boolean {
  if (isAt(b, c)) return turnsBack(a, b, d);
  if (isAt(d, a)) return turnsBack(c, a, b);
  const turns = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)] as const;
  if (turns[0] * turns[1] < 0 && turns[2] * turns[3] < 0) return true;
  const lying: [number, Point, Point, Point][] = [[turns[0], a, b, c], [turns[1], a, b, d], [turns[2], c, d, a], [turns[3], c, d, b]];
  return lying.some(([way, start, end, point]) => way === 0 && between(start, end, point));
}

export type Fault = "few" | "twice" | "crosses" | "name" | "same-name";
const NAME = /^[a-z0-9-]{1,64}$/;

/** What is wrong with a thing; null if nothing is. The device checks again. */
export function faultOf(drawing: Drawing, ref: Ref): Fault | null {
  const points = pointsOf(drawing, ref);
  if (points.length < FEWEST[ref.kind]) return "few";
  if (points.some((point, at) => points.findIndex((each) => isAt(each, point)) !== at)) return "twice";
  if (ref.kind !== "lines" && crossings(points).length > 0) return "crosses";
  if (ref.kind === "masks") return null;
  const name = drawing[ref.kind][ref.index]?.name ?? "";
  if (!NAME.test(name)) return "name";
  return drawing[ref.kind].filter((each) => each.name === name).length > 1 ? "same-name" : null;
}

/** The first thing that is wrong. */
export function firstFault(drawing: Drawing): [Ref, Fault] | null {
  for (const kind of KINDS) {
    for (const index of drawing[kind].keys()) {
      const fault = faultOf(drawing, { kind, index });
      if (fault !== null) return [{ kind, index }, fault];
    }
  }
  return null;
}

/** Whether a point lies in a polygon. */
export function contains(points: readonly Point[], [x, y]: Point): boolean {
  let isInside = false;
  for (const [at, [ax, ay]] of points.entries()) {
    const [bx, by] = points[(at + 1) % points.length] as Point;
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) isInside = !isInside;
  }
  return isInside;
}
