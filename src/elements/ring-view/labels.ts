import { pointAt, type Point } from './circle.ts';

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface LabelRequest<T> {
  readonly subject: T;
  readonly lines: readonly string[];
  readonly angle: number;
  /** Distance of the label's inner edge from the centre. */
  readonly radius: number;
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
  obstacles: readonly Box[],
  { metrics, bounds }: { readonly metrics: LabelMetrics; readonly bounds: Box },
): PlacedLabel<T>[] {
  const taken = [...obstacles];
  const placed: PlacedLabel<T>[] = [];
  for (const request of requests.toSorted((a, b) => b.priority - a.priority)) {
    const label = place(request, metrics);
    if (!isInside(label.box, bounds) || taken.some(box => overlaps(box, label.box))) continue;
    taken.push(label.box);
    placed.push(label);
  }
  return placed;
}

function place<T>(request: LabelRequest<T>, { charPx, linePx }: LabelMetrics): PlacedLabel<T> {
  const { subject, lines, angle, radius } = request;
  const width = Math.max(...lines.map(line => Array.from(line).length)) * charPx;
  const height = lines.length * linePx;
  const edge = pointAt(angle, radius);
  // The box leans outwards from its inner edge: beside the ring at its sides, above it at its top.
  const centre = {
    x: edge.x + (Math.sin(angle) * width) / 2,
    y: edge.y - (Math.cos(angle) * height) / 2,
  };
  return { subject, lines, centre, box: boxAround(centre, width, height) };
}
