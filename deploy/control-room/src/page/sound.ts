// The page's voice, by WebAudio alone. A pattern is a buffer that loops by itself: no timer that a hidden tab would slow down.
import { signal } from "@preact/signals";

export type Sound = "off" | "new" | "louder" | "supervisor" | "silent" | "silent-louder";

interface Note {
  atS: number;
  forS: number;
  hz: number;
}
interface Melody {
  lengthS: number;
  volume: number;
  /** How much of the third and fifth overtone: what has more of them carries further. */
  edge: number;
  notes: readonly Note[];
}

const OF_SILENT: readonly Note[] = [...[0, 0.2, 0.4].map((atS) => ({ atS, forS: 0.12, hz: 587 })), { atS: 0.64, forS: 0.6, hz: 440 }];

const MELODIES: Record<Exclude<Sound, "off">, Melody> = {
  new: { lengthS: 2.4, volume: 0.35, edge: 0.05, notes: [{ atS: 0, forS: 0.22, hz: 660 }, { atS: 0.26, forS: 0.34, hz: 880 }] },
  louder: {
    lengthS: 1,
    volume: 0.85,
    edge: 0.35,
    notes: [{ atS: 0, forS: 0.16, hz: 880 }, { atS: 0.2, forS: 0.16, hz: 1175 }, { atS: 0.4, forS: 0.16, hz: 880 }, { atS: 0.6, forS: 0.16, hz: 1175 }],
  },
  silent: { lengthS: 2.4, volume: 0.45, edge: 0.15, notes: OF_SILENT },
  "silent-louder": { lengthS: 1.4, volume: 0.85, edge: 0.35, notes: OF_SILENT },
  supervisor: {
    lengthS: 1.8,
    volume: 0.85,
    edge: 0.25,
    notes: [{ atS: 0, forS: 0.4, hz: 392 }, { atS: 0.42, forS: 0.4, hz: 523 }, { atS: 0.84, forS: 0.55, hz: 784 }],
  },
};

/** Whether the browser lets us be heard: `off` before the click that unlocks it, `stopped` if it took that back. */
export const audio = signal<"off" | "running" | "stopped">("off");
/** What sounds now. */
export const sounding = signal<Sound>("off");

let context: AudioContext | null = null;
let playing: AudioBufferSourceNode | null = null;

/** To be called from a click or a key, or the browser refuses. Plays the first pattern once, so that a person hears it. */
export async function unlock(): Promise<void> {
  if (context === null) {
    context = new AudioContext();
    context.onstatechange = () => (audio.value = context?.state === "running" ? "running" : "stopped");
  }
  await context.resume();
  audio.value = context.state === "running" ? "running" : "stopped";
  if (sounding.peek() === "off") start("new", false);
}

/** Sound this from now on. */
export function sound(wanted: Sound): void {
  if (wanted === sounding.peek() || context === null) return;
  sounding.value = wanted;
  playing?.stop();
  playing = null;
  if (wanted !== "off") playing = start(wanted, true);
}

function start(name: Exclude<Sound, "off">, loop: boolean): AudioBufferSourceNode | null {
  if (context === null) return null;
  const source = context.createBufferSource();
  source.buffer = render(context, MELODIES[name]);
  source.loop = loop;
  source.connect(context.destination);
  source.start();
  return source;
}

function render(audioContext: AudioContext, melody: Melody): AudioBuffer {
  const rate = audioContext.sampleRate;
  const buffer = audioContext.createBuffer(1, Math.round(melody.lengthS * rate), rate);
  const samples = buffer.getChannelData(0);
  for (const note of melody.notes) {
    const first = Math.round(note.atS * rate);
    const count = Math.round(note.forS * rate);
    const ramp = 0.012 * rate;
    for (let i = 0; i < count && first + i < samples.length; i++) {
      const angle = (2 * Math.PI * note.hz * i) / rate;
      const tone = Math.sin(angle) + melody.edge * (Math.sin(3 * angle) + Math.sin(5 * angle));
      const envelope = Math.min(1, i / ramp, (count - i) / ramp);
      samples[first + i] = (melody.volume * envelope * tone) / (1 + 2 * melody.edge);
    }
  }
  return buffer;
}
