// Pictures of one camera, asked for one after the other while somebody looks.
import { type Signal, signal } from "@preact/signals";
import { useLayoutEffect, useMemo } from "preact/hooks";
import { getPicture, GoneError, RefusedError } from "./api";
import { plain } from "../../../deploy/control-room/src/plain";
import { session } from "./state";
import { t } from "./strings";

export interface Shown {
  url: string;
  width: number;
  height: number;
  focus: number;
  light: number;
}

export interface Watched {
  /** The newest picture; it stays when the camera is gone. */
  shown: Signal<Shown | null>;
  /** Why there is no newer one; empty while there is. */
  trouble: Signal<string>;
}

const PAUSE_MS = 450;
const TROUBLE_PAUSE_MS = 1500;
const all = new Map<string, Watched>();

function watched(camera: string): Watched {
  const known = all.get(camera) ?? { shown: signal<Shown | null>(null), trouble: signal("") };
  all.set(camera, known);
  return known;
}

/** Watch a camera for as long as the view is there. */
export function useWatched(camera: string): Watched {
  const mine = useMemo(() => watched(camera), [camera]);
  useLayoutEffect(() => {
    let isOver = false;
    let after: number | null = null;
    const once = async (): Promise<number> => {
      if (document.hidden) return TROUBLE_PAUSE_MS;
      try {
        const shot = await getPicture(camera, after);
        const url = URL.createObjectURL(shot.jpeg);
        const image = new Image();
        image.src = url;
        await image.decode(); // before it is shown: nothing flickers
        const before = mine.shown.peek();
        mine.shown.value = { url, width: image.naturalWidth, height: image.naturalHeight, focus: shot.focus, light: shot.light };
        mine.trouble.value = "";
        after = Number.isNaN(shot.number) ? null : shot.number;
        if (before !== null) setTimeout(() => URL.revokeObjectURL(before.url), 5000); // it may still be drawn
        return PAUSE_MS;
      } catch (error) {
        if (error instanceof GoneError) {
          session.value = error.end;
          isOver = true;
        }
        after = null;
        mine.trouble.value = (error instanceof RefusedError && plain(error.message, 160)) || t.cameras.gone;
        return TROUBLE_PAUSE_MS;
      }
    };
    const go = async () => {
      while (!isOver) {
        const pauseMs = await once();
        await new Promise((done) => setTimeout(done, pauseMs));
      }
    };
    void go();
    return () => void (isOver = true);
  }, [camera]);
  return mine;
}
