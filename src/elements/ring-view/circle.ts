import { SPACE, type Id } from '../../kernel/identifier.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Angles are radians, clockwise, with 0 at the top; the centre of the ring is the origin. */
export const TURN = 2 * Math.PI;

/** Where an identifier lies on the circle. */
export function angleOf(id: Id): number {
  return (id / SPACE) * TURN;
}

/** The same direction as an angle in `[0, TURN)`. */
export function normalise(angle: number): number {
  const rest = angle % TURN;
  return rest < 0 ? rest + TURN : rest;
}

/** The turn that leads from one direction to another by the shorter way: negative if leftwards. */
export function shortestTurn(from: number, to: number): number {
  const turn = normalise(to - from);
  return turn > TURN / 2 ? turn - TURN : turn;
}

export function pointAt(angle: number, radius: number): Point {
  return { x: radius * Math.sin(angle), y: -radius * Math.cos(angle) };
}

/** A number as SVG wants it: a hundredth of a pixel is finer than any screen. */
export function show(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** A point as path data. */
export function at({ x, y }: Point): string {
  return `${show(x)} ${show(y)}`;
}

/** An arc over `span` radians from `from`, clockwise if positive; a full turn is a whole circle. */
export function arcPath(from: number, span: number, radius: number): string {
  const sweep = span > 0 ? 1 : 0;
  const size = Math.abs(span);
  // SVG draws nothing between two equal points, so that a whole circle is two halves.
  const stops = size > TURN * 0.99 ? [from + span / 2, from + span] : [from + span];
  const large = stops.length === 1 && size > TURN / 2 ? 1 : 0;
  const r = show(radius);
  const arcs = stops.map(stop => `A${r} ${r} 0 ${large} ${sweep} ${at(pointAt(stop, radius))}`);
  return `M${at(pointAt(from, radius))}${arcs.join('')}`;
}

export interface Chord {
  readonly path: string;
  readonly tip: Point;
  /** The direction in which the chord arrives at its tip. */
  readonly direction: number;
}

/**
 * A line inside the circle between two points `turn` radians apart. It bends towards the centre, the
 * more the farther they are apart, so that it stays clear of the circle and of its like.
 */
export function chord(from: Point, to: Point, turn: number): Chord {
  const pull = 0.72 - 0.62 * Math.min(1, turn / 2);
  const control = { x: ((from.x + to.x) * pull) / 2, y: ((from.y + to.y) * pull) / 2 };
  return {
    path: `M${at(from)}Q${at(control)} ${at(to)}`,
    tip: to,
    direction: Math.atan2(to.x - control.x, control.y - to.y),
  };
}

/** A triangle whose tip is at `tip`, pointing into `direction`. */
export function arrowPath(tip: Point, direction: number, size: number): string {
  const corner = (turn: number): Point => {
    const side = pointAt(direction + turn, size);
    return { x: tip.x + side.x, y: tip.y + side.y };
  };
  return `M${at(tip)}L${at(corner(Math.PI - 0.45))}L${at(corner(Math.PI + 0.45))}Z`;
}
