// What lies under the map where control-room.json names it: tiles of one's own server, or an archive of them (PMTiles).
import * as L from "leaflet";
import { leafletRasterLayer, PMTiles, TileType, type RangeResponse } from "pmtiles";
import { t } from "./strings";
import { plain } from "./words";

const FARTHEST = 19;
const VECTORS: readonly TileType[] = [TileType.Mvt, TileType.Mlt];

/** `onWrong` gets a sentence, once for each map: without its tiles it is still a map. */
export function drawTiles(map: L.Map, tiles: string, onWrong: (words: string) => void): void {
  if (!tiles.endsWith(".pmtiles")) {
    L.tileLayer(tiles, { maxZoom: FARTHEST }).addTo(map);
    return;
  }
  // The map is gone, or has its sentence.
  let isOver = false;
  map.on("unload", () => (isOver = true));
  const complain = (words: string) => {
    if (!isOver) onWrong(words);
    isOver = true;
  };
  void drawArchive(map, tiles, () => isOver, complain).catch((error: unknown) => complain(t.map.tilesUnreadable(tiles, plain((error as Error).message))));
}

async function drawArchive(map: L.Map, file: string, isOver: () => boolean, complain: (words: string) => void): Promise<void> {
  const onDamage = () => complain(t.map.tilesDamaged(file));
  const archive = new Archive(file, onDamage);
  const { tileType, minZoom, maxZoom } = await archive.getHeader();
  if (isOver()) return;
  if (VECTORS.includes(tileType)) return complain(t.map.tilesVector(file));
  // It finds Leaflet as the global `L`, which Leaflet itself sets.
  const layer = leafletRasterLayer(archive, { minNativeZoom: minZoom, maxNativeZoom: maxZoom, maxZoom: FARTHEST }) as L.GridLayer;
  layer.on("tileloadstart", ({ tile }: L.TileEvent) => {
    const image = tile as HTMLImageElement;
    image.alt = "";
    image.onerror = () => {
      image.style.display = "none";
      onDamage();
    };
  });
  layer.addTo(map);
}

/** A tile that can't be read is left out, and told. */
class Archive extends PMTiles {
  constructor(
    file: string,
    private readonly onDamage: () => void,
  ) {
    super(file);
  }

  override async getZxy(z: number, x: number, y: number, signal?: AbortSignal): Promise<RangeResponse | undefined> {
    try {
      return await super.getZxy(z, x, y, signal);
    } catch (error) {
      // Nobody wants this tile any more; the layer knows.
      if (signal?.aborted) throw error;
      this.onDamage();
      return undefined;
    }
  }
}
