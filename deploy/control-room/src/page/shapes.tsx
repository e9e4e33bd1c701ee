// One shape for each state, the same in the lists and on the map: nothing is told by colour alone.
export type ShapeName = "untaken" | "silent" | "silent-held" | "taken" | "dispatched" | "lost" | "drill" | "online" | "trouble" | "away" | "out" | "closed";

type Ring = readonly (readonly [number, number])[];

const polygon = (corners: number, turn: number): Ring =>
  Array.from({ length: corners }, (_, i) => [12 + 11 * Math.sin(((i + turn) / corners) * 2 * Math.PI), 12 - 11 * Math.cos(((i + turn) / corners) * 2 * Math.PI)] as const);

const star = (points: number, inner: number): Ring =>
  polygon(2 * points, 0).map(([x, y], i) => (i % 2 === 0 ? [x, y] : [12 + (x - 12) * inner, 12 + (y - 12) * inner]));

/** Corners in a square of 24 by 24. */
export const SHAPES: Record<ShapeName, Ring> = {
  untaken: [[12, 1], [23.5, 22], [0.5, 22]],
  silent: star(8, 0.68),
  "silent-held": star(8, 0.68),
  taken: polygon(24, 0),
  dispatched: [[1, 6], [13, 6], [13, 1], [23.5, 12], [13, 23], [13, 18], [1, 18]],
  lost: polygon(4, 0),
  drill: [[2, 2], [22, 2], [22, 22], [2, 22]],
  online: polygon(16, 0),
  trouble: polygon(3, 0.5),
  away: [[4, 1], [12, 9], [20, 1], [23, 4], [15, 12], [23, 20], [20, 23], [12, 15], [4, 23], [1, 20], [9, 12], [1, 4]],
  out: polygon(4, 0.5),
  closed: polygon(8, 0.5),
};
const MARKS: Partial<Record<ShapeName, string>> = { untaken: "!", silent: "S", "silent-held": "✓", lost: "?", drill: "T", taken: "✓", closed: "✓", out: "–", trouble: "!" };
const HOLLOW: ReadonlySet<ShapeName> = new Set(["silent-held", "drill", "closed", "out"]);

/** Drawn for the eye only: its word stands beside it. */
export function Shape({ name }: { name: ShapeName }) {
  return (
    <svg class={`shape shape-${name}`} viewBox="0 0 24 24" aria-hidden="true">
      <polygon points={SHAPES[name].map((corner) => corner.join()).join(" ")} class={HOLLOW.has(name) ? "hollow" : "filled"} />
      {MARKS[name] !== undefined && (
        <text x="12" y={name === "untaken" ? 20 : name === "trouble" ? 17 : 17.5} text-anchor="middle">
          {MARKS[name]}
        </text>
      )}
    </svg>
  );
}
