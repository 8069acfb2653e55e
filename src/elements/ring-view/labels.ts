import { pointAt, type Point } from './circle.ts';

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface LabelPlace {
  readonly angle: number;
  readonly radius: number;
}

export interface LabelRequest<T> {
  readonly subject: T;
  readonly lines: readonly string[];
  /** Where the label's inner edge may be, the best place first. */
  readonly places: readonly LabelPlace[];
  /** Higher ones are placed first. */
  readonly priority: number;
}

export interface PlacedLabel<T> {
  readonly subject: T;
  readonly lines: readonly string[];
  readonly centre: Point;
  readonly box: Box;
}

export interface LabelMetrics {
  readonly charPx: number;
  readonly linePx: number;
}

/** Air between two labels. */
const GAP_PX = 3;
/** Above √2, so that a label at 45° touches its place with a corner instead of covering it. */
const LEAN = 1.5;

export function boxAround({ x, y }: Point, width: number, height: number): Box {
  return { left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 };
}

function overlaps(a: Box, b: Box): boolean {
  return (
    a.left < b.right + GAP_PX &&
    b.left < a.right + GAP_PX &&
    a.top < b.bottom + GAP_PX &&
    b.top < a.bottom + GAP_PX
  );
}

/** A round thing that labels keep clear of. */
export interface Disc {
  readonly centre: Point;
  readonly radius: number;
}

function touches(box: Box, { centre, radius }: Disc): boolean {
  const x = Math.max(box.left, Math.min(centre.x, box.right));
  const y = Math.max(box.top, Math.min(centre.y, box.bottom));
  return Math.hypot(centre.x - x, centre.y - y) < radius + 1;
}

function isInside(box: Box, bounds: Box): boolean {
  return (
    box.left >= bounds.left &&
    box.right <= bounds.right &&
    box.top >= bounds.top &&
    box.bottom <= bounds.bottom
  );
}

/**
 * Puts labels outside the circle, each beside its subject, the important ones first; one that would
 * touch another, an obstacle or the border is left out. That is how labels thin out in a crowd.
 */
export function placeLabels<T>(
  requests: readonly LabelRequest<T>[],
  obstacles: readonly Disc[],
  { metrics, bounds }: { readonly metrics: LabelMetrics; readonly bounds: Box },
): PlacedLabel<T>[] {
  const taken: Box[] = [];
  const placed: PlacedLabel<T>[] = [];
  const isFree = ({ box }: PlacedLabel<T>): boolean =>
    isInside(box, bounds) &&
    !taken.some(other => overlaps(other, box)) &&
    !obstacles.some(disc => touches(box, disc));
  for (const request of requests.toSorted((a, b) => b.priority - a.priority)) {
    const label = request.places.map(at => place(request, { at, metrics })).find(isFree);
    if (label === undefined) continue;
    taken.push(label.box);
    placed.push(label);
  }
  return placed;
}

function place<T>(
  { subject, lines }: LabelRequest<T>,
  { at: { angle, radius }, metrics }: { readonly at: LabelPlace; readonly metrics: LabelMetrics },
): PlacedLabel<T> {
  const { charPx, linePx } = metrics;
  const width = Math.max(...lines.map(line => Array.from(line).length)) * charPx;
  const height = lines.length * linePx;
  const edge = pointAt(angle, radius);
  // The box leans outwards: beside the ring at its sides, above it at its top, by a corner between.
  const lean = (part: number): number => Math.max(-1, Math.min(1, part * LEAN));
  const centre = {
    x: edge.x + (lean(Math.sin(angle)) * width) / 2,
    y: edge.y - (lean(Math.cos(angle)) * height) / 2,
  };
  return { subject, lines, centre, box: boxAround(centre, width, height) };
}
