/** The measures of a drawing in CSS pixels: text keeps its size however wide the element is. */
export interface Stage {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly radiusPx: number;
  /** Radius of an ordinary peer. */
  readonly dotPx: number;
  readonly fontPx: number;
  /** From the edge of a dot to the arcs of the shown key. */
  readonly orbitPx: number;
  /** Radius of a replica's pin. */
  readonly pinPx: number;
}

/** Below it nothing can be drawn that one could read. */
const WIDTH_PX_MIN = 200;
/** Larger rings are no easier to read, and fill more than a screen's height. */
const RADIUS_PX_MAX = 270;
const NARROW_PX = 420;

export interface StageOptions {
  readonly widthPx: number;
  readonly peerCount: number;
  /** Length of a peer's name in characters. */
  readonly nameLength: number;
}

/** Fits the ring and its labels into a width; the height follows. */
export function stageFor({ widthPx: wanted, peerCount, nameLength }: StageOptions): Stage {
  const widthPx = Math.max(WIDTH_PX_MIN, Math.floor(wanted));
  const isNarrow = widthPx < NARROW_PX;
  const fontPx = isNarrow ? 11 : 12.5;
  const orbitPx = isNarrow ? 9 : 12;
  const pinPx = isNarrow ? 8 : 9;
  const dotPxMax = isNarrow ? 7.5 : 10;
  const marginX = 1.35 * dotPxMax + 1 + orbitPx + 3 + nameLength * fontPx * 0.62 + 3;
  const marginY = 1.35 * dotPxMax + 1 + orbitPx + 3 + 2 * fontPx * 1.25 + 3;
  const radiusPx = Math.min(RADIUS_PX_MAX, widthPx / 2 - marginX);
  const dotPx = (2 * Math.PI * radiusPx) / (Math.max(peerCount, 1) * 4);
  return {
    widthPx,
    heightPx: Math.ceil(2 * (radiusPx + marginY)),
    radiusPx,
    dotPx: Math.min(dotPxMax, Math.max(2.5, dotPx)),
    fontPx,
    orbitPx,
    pinPx,
  };
}
