// What the lights of a kiosk show, by the table of EN 81-28: yellow, the call is being sent; green, a person has it.
import type { Stage } from "../contract";
import type { Lamps } from "../protocol";

const IDLE: Lamps = { yellow: "off", green: "off", beacon: "steady", tone: "off" };
const PRESSED: Lamps = { ...IDLE, yellow: "on", beacon: "flash" };
const BY_STAGE: Record<Stage, Lamps> = {
  idle: IDLE,
  raised: PRESSED,
  sent: PRESSED,
  delayed: { ...PRESSED, yellow: "fast-flash" },
  unconfirmed: { ...PRESSED, yellow: "fast-flash", tone: "on" },
  registered: { ...PRESSED, green: "on" },
  dispatched: { ...PRESSED, green: "slow-pulse" },
  closed: IDLE,
};
const WORST_FIRST: Stage[] = ["unconfirmed", "delayed", "raised", "sent", "registered", "dispatched", "closed", "idle"];

/** The lights for the open alarms that are not silent. If there are several, the one that is worst off decides. */
export function lampsFor(stages: Iterable<Stage>): Lamps {
  const worst = Math.min(...[...stages].map((stage) => WORST_FIRST.indexOf(stage)), WORST_FIRST.length - 1);
  return BY_STAGE[WORST_FIRST[worst]!];
}
