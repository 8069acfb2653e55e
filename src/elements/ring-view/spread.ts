import { normalise, TURN } from './circle.ts';

/**
 * Moves directions apart as little as possible until each keeps `gaps[i]` to the next, so that two
 * peers side by side are still seen as two. Order round the circle is kept.
 *
 * `angles` ascend within one turn. The circle is cut in its widest gap, and the rest is isotonic
 * regression: with the gaps taken off, the nearest ascending sequence (pool adjacent violators).
 */
export function spread(angles: readonly number[], gaps: readonly number[]): number[] {
  const count = angles.length;
  if (count < 2) return [...angles];
  const first = afterWidestGap(angles);
  const order = angles.map((_, index) => (first + index) % count);
  const exact = order.map(index => normalise(angleAt(angles, index) - angleAt(angles, first)));
  // What does not fit is given in equal measure to all.
  const wanted = gaps.reduce((sum, gap) => sum + gap, 0);
  const scale = Math.min(1, (0.9 * TURN) / wanted);
  const offsets: number[] = [];
  let offset = 0;
  for (const index of order) {
    offsets.push(offset);
    offset += (gaps[index] ?? 0) * scale;
  }
  const ascending = poolAdjacentViolators(exact.map((angle, i) => angle - (offsets[i] ?? 0)));
  const middle = ((ascending[0] ?? 0) + (ascending.at(-1) ?? 0)) / 2;
  const reach = (TURN - offset) / 2; // What the gaps leave of the turn: the ends must not meet.
  const spreadOut: number[] = Array.from({ length: count });
  order.forEach((index, i) => {
    const kept = Math.min(Math.max(ascending[i] ?? 0, middle - reach), middle + reach);
    spreadOut[index] = normalise(kept + (offsets[i] ?? 0) + angleAt(angles, first));
  });
  return spreadOut;
}

function angleAt(angles: readonly number[], index: number): number {
  return angles[index] ?? 0;
}

function afterWidestGap(angles: readonly number[]): number {
  let widest = -1;
  let after = 0;
  angles.forEach((angle, index) => {
    const before = angleAt(angles, (index + angles.length - 1) % angles.length);
    const gap = index === 0 ? angle - before + TURN : angle - before;
    if (gap > widest) {
      widest = gap;
      after = index;
    }
  });
  return after;
}

/** The ascending sequence nearest to `values`, by least squares. */
function poolAdjacentViolators(values: readonly number[]): number[] {
  const blocks: { sum: number; count: number }[] = [];
  for (const value of values) {
    let block = { sum: value, count: 1 };
    for (let last = blocks.at(-1); last && mean(last) > mean(block); last = blocks.at(-1)) {
      blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count };
    }
    blocks.push(block);
  }
  return blocks.flatMap(block => Array.from({ length: block.count }, () => mean(block)));
}

function mean({ sum, count }: { sum: number; count: number }): number {
  return sum / count;
}

/**
 * Carries any direction over to a circle on which the directions `exact` have become `shown`, in
 * proportion between them: what lies between two peers stays between them.
 */
export function warp(
  exact: readonly number[],
  shown: readonly number[],
): (angle: number) => number {
  const count = exact.length;
  if (count === 0) return angle => angle;
  return angle => {
    // The last peer at or before the angle; before the first one, that is the last of all.
    let index = count - 1;
    for (let i = 0; i < count && angleAt(exact, i) <= angle; i++) index = i;
    const next = (index + 1) % count;
    const from = angleAt(exact, index);
    const span = normalise(angleAt(exact, next) - from) || TURN;
    const shownSpan = normalise(angleAt(shown, next) - angleAt(shown, index)) || TURN;
    return normalise(angleAt(shown, index) + (normalise(angle - from) / span) * shownSpan);
  };
}
