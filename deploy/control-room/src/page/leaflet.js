/*! Leaflet 1.9.4, https://leafletjs.com: (c) 2010-2023 Vladimir Agafonkin, (c) 2010-2011 CloudMade; BSD-2-Clause */
// The parts of Leaflet that the map uses, in place of the whole (see bundle.mjs). Its types are those of "leaflet".
import { control } from "leaflet/src/control/Control.js";
import { zoom } from "leaflet/src/control/Control.Zoom.js";
import * as DomUtil from "leaflet/src/dom/DomUtil.js";
import "leaflet/src/layer/Tooltip.js"; // adds bindTooltip to every layer
import { GridLayer } from "leaflet/src/layer/tile/GridLayer.js";
import "leaflet/src/layer/vector/Renderer.getRenderer.js";

control.zoom = zoom;
window.L = { DomUtil, GridLayer }; // for pmtiles

export { control };
export { latLngBounds } from "leaflet/src/geo/index.js";
export { geoJSON } from "leaflet/src/layer/GeoJSON.js";
export { layerGroup } from "leaflet/src/layer/LayerGroup.js";
export { tileLayer } from "leaflet/src/layer/tile/TileLayer.js";
export { Canvas } from "leaflet/src/layer/vector/Canvas.js";
export { CircleMarker } from "leaflet/src/layer/vector/CircleMarker.js";
export { map } from "leaflet/src/map/index.js";
