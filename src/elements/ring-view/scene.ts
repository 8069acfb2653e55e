import type { PeerId } from '../../kernel/machine.ts';
import {
  angleOf,
  arcPath,
  arrowPath,
  at,
  chord,
  normalise,
  pointAt,
  shortestTurn,
  TURN,
  type Point,
} from './circle.ts';
import { boxAround, placeLabels, type Disc, type LabelPlace, type PlacedLabel } from './labels.ts';
import type { KeyReplica, PeerModel, RingModel } from './model.ts';
import { spread, warp } from './spread.ts';
import type { Stage } from './stage.ts';

export interface PeerShape {
  readonly peer: PeerModel;
  readonly angle: number;
  readonly centre: Point;
  readonly radius: number;
}

/** A pointer between two neighbours, along the circle. */
export interface PointerShape {
  readonly from: PeerModel;
  readonly to: PeerModel;
  readonly kind: 'succ' | 'pred';
  /** Leads past another peer, or is not returned: the ring is not perfect here. */
  readonly isOdd: boolean;
  readonly path: string;
  /** Left out where it would not fit. */
  readonly arrow: string | null;
}

/** A link or a routing shortcut from this peer to another, across the circle. */
export interface ChordShape {
  readonly to: PeerModel;
  readonly path: string;
  readonly arrow: string | null;
}

/** One replica of the shown key: a pin at its place, and a lead to the peer that answers for it. */
export interface ReplicaShape {
  readonly replica: KeyReplica;
  readonly angle: number;
  readonly pin: Point;
  readonly stem: { readonly from: Point; readonly to: Point };
  /** Null when nobody is known to answer for it. */
  readonly lead: string | null;
  /** The way to the owner, in radians. */
  readonly span: number;
}

export interface Scene {
  readonly peers: readonly PeerShape[];
  readonly pointers: readonly PointerShape[];
  readonly chords: readonly ChordShape[];
  readonly range: string | null;
  readonly replicas: readonly ReplicaShape[];
  readonly labels: readonly PlacedLabel<PeerModel>[];
}

export interface SceneOptions {
  readonly stage: Stage;
  /** Where each peer is drawn at this moment; see `targetAngles`. */
  readonly angles: ReadonlyMap<PeerId, number>;
  /** The peer under the pointer or the focus, which is labelled before all others. */
  readonly active: PeerId | undefined;
}

/** Dots grow by this factor when they are this peer's. */
const SELF_SCALE = 1.35;
/** How far along the circle a label may stand from its dot. */
const LABEL_ASIDE_PX = [0, 14, -14, 26, -26];
/** Finer than the height of a label, so that none slips between two discs of a trail. */
const TRAIL_STEP_PX = 8;
/** Shorter arcs have no room for an arrow head. */
const ARROW_ARC_PX = 26;

function dotRadius(peer: PeerModel, stage: Stage): number {
  return peer.isSelf ? stage.dotPx * SELF_SCALE + 1 : stage.dotPx;
}

/** Where the peers belong: at their positions, moved apart as far as their dots need. */
export function targetAngles({ peers }: RingModel, stage: Stage): Map<PeerId, number> {
  const radii = peers.map(peer => dotRadius(peer, stage));
  const gaps = radii.map((radius, index) => {
    const next = radii[(index + 1) % radii.length] ?? radius;
    return (radius + next + 2) / stage.radiusPx;
  });
  const angles = spread(
    peers.map(peer => angleOf(peer.ref.position)),
    gaps,
  );
  return new Map(peers.map((peer, index) => [peer.ref.peer, angles[index] ?? 0]));
}

/** Computes every shape of the drawing. */
export function composeScene(model: RingModel, options: SceneOptions): Scene {
  const { stage, angles } = options;
  const peers = model.peers.map(peer => {
    const angle = angles.get(peer.ref.peer) ?? angleOf(peer.ref.position);
    const centre = pointAt(angle, stage.radiusPx);
    return { peer, angle, centre, radius: dotRadius(peer, stage) };
  });
  const toShown = warp(
    model.peers.map(peer => angleOf(peer.ref.position)),
    peers.map(({ angle }) => angle),
  );
  const byId = new Map(peers.map(shape => [shape.peer.ref.peer, shape]));
  const replicas = model.replicas.map(replica => replicaShape(replica, { toShown, byId, stage }));
  return {
    peers,
    pointers: peers.flatMap(shape => pointers(shape, { peers, byId, stage })),
    chords: chords(model, byId),
    range: range(model, { byId, stage }),
    replicas,
    labels: labels(peers, replicas, options),
  };
}

interface Place {
  readonly byId: ReadonlyMap<PeerId, PeerShape>;
  readonly stage: Stage;
}

function pointers(
  from: PeerShape,
  { peers, byId, stage }: Place & { readonly peers: readonly PeerShape[] },
): PointerShape[] {
  const { succ, pred } = from.peer;
  const shapes: PointerShape[] = [];
  const toSucc = succ && byId.get(succ.peer);
  if (toSucc && toSucc !== from) {
    const span = normalise(toSucc.angle - from.angle);
    const next = peers[(peers.indexOf(from) + 1) % peers.length];
    const isOdd = next !== toSucc || from.peer.isBranch;
    const radius = stage.radiusPx + (isOdd ? stage.dotPx + 7 : 0);
    shapes.push({
      ...ends('succ', from, toSucc),
      isOdd,
      ...pointerPath(from, { to: toSucc, span, radius }),
    });
  }
  const toPred = pred && byId.get(pred.peer);
  if (toPred && toPred !== from) {
    const span = -normalise(from.angle - toPred.angle);
    const isOdd = toPred.peer.succ !== null && toPred.peer.succ.peer !== from.peer.ref.peer;
    const radius = stage.radiusPx - stage.dotPx - 6;
    shapes.push({
      ...ends('pred', from, toPred),
      isOdd,
      ...pointerPath(from, { to: toPred, span, radius }),
    });
  }
  return shapes;
}

function ends(
  kind: 'succ' | 'pred',
  from: PeerShape,
  to: PeerShape,
): Pick<PointerShape, 'kind' | 'from' | 'to'> {
  return { kind, from: from.peer, to: to.peer };
}

/** An arc that ends where the dots begin, with an arrow head if there is room for one. */
function pointerPath(
  from: PeerShape,
  { to, span, radius }: { readonly to: PeerShape; readonly span: number; readonly radius: number },
): Pick<PointerShape, 'path' | 'arrow'> {
  const sign = Math.sign(span);
  const start = from.angle + (sign * (from.radius + 2)) / radius;
  const room = Math.abs(span) - (from.radius + to.radius + 5) / radius;
  if (room <= 0) return { path: '', arrow: null }; // The dots touch: they say it themselves.
  const hasArrow = room * radius > ARROW_ARC_PX;
  const end = start + sign * room;
  const arrow = hasArrow
    ? arrowPath(pointAt(end, radius), end + (sign * TURN) / 4 - (sign * 3) / radius, 8)
    : null;
  return { path: arcPath(start, sign * (hasArrow ? room - 4 / radius : room), radius), arrow };
}

function chords(model: RingModel, byId: ReadonlyMap<PeerId, PeerShape>): ChordShape[] {
  const from = model.self && byId.get(model.self.ref.peer);
  if (from === undefined) return [];
  return [...byId.values()]
    .filter(({ peer }) => !peer.isSelf && (peer.isFinger || peer.link !== null))
    .map(to => {
      const { path, direction } = chord(
        from.centre,
        to.centre,
        Math.abs(shortestTurn(from.angle, to.angle)),
      );
      const back = pointAt(direction + Math.PI, to.radius + 3);
      const tip = { x: to.centre.x + back.x, y: to.centre.y + back.y };
      const arrow = to.peer.isFinger ? arrowPath(tip, direction, 8) : null;
      return { to: to.peer, path, arrow };
    });
}

/** The arc `(pred, self]`: the identifiers this peer answers for. */
function range({ self, snapshot }: RingModel, { byId, stage }: Place): string | null {
  const end = self && byId.get(self.ref.peer);
  const start = snapshot.pred && byId.get(snapshot.pred.peer);
  if (end === undefined || !start) return null;
  const span = start === end ? TURN : normalise(end.angle - start.angle);
  return arcPath(end.angle - span, span, stage.radiusPx);
}

function replicaShape(
  replica: KeyReplica,
  { toShown, byId, stage }: Place & { readonly toShown: (angle: number) => number },
): ReplicaShape {
  const angle = toShown(angleOf(replica.position));
  const orbit = stage.radiusPx + stage.dotPx + stage.orbitPx;
  const owner = replica.owner && byId.get(replica.owner.peer);
  const stem = { from: pointAt(angle, stage.radiusPx - 4), to: pointAt(angle, orbit) };
  const shape = { replica, angle, pin: pointAt(angle, orbit + stage.pinPx - 2), stem };
  if (!owner) return { ...shape, lead: null, span: 0 };
  // Along the orbit to the owner, then down to its dot.
  const span = normalise(owner.angle - angle);
  const foot = pointAt(owner.angle, stage.radiusPx + owner.radius + 4);
  const along = span * orbit < 1 ? '' : arcPath(angle, span, orbit);
  return { ...shape, lead: `${along || `M${at(pointAt(angle, orbit))}`}L${at(foot)}`, span };
}

/** Which labels matter most when not all have room. */
function priority(peer: PeerModel, active: PeerId | undefined): number {
  if (peer.ref.peer === active) return 6;
  if (peer.isSelf) return 5;
  if (peer.replicas.length > 0) return 4;
  if (peer.isSuspected || peer.isBranch) return 3;
  if (peer.isSucc || peer.isPred) return 2;
  return peer.isFinger ? 1 : 0;
}

/** From a dot to its label: what is drawn round the dot must not touch the name. */
function clearance(peer: PeerModel, active: PeerId | undefined): number {
  if (peer.ref.peer === active) return 10;
  return peer.replicas.length > 0 ? 8 : 5;
}

/** Beside the dot, or beyond the orbit of the leads; who matters may go a little to the side. */
function labelPlaces(
  { peer, angle, radius }: PeerShape,
  { stage, active, orbit }: Omit<SceneOptions, 'angles'> & { readonly orbit: number },
): LabelPlace[] {
  const radii = [stage.radiusPx + radius + clearance(peer, active), orbit + 5];
  const asidePx = priority(peer, active) >= 2 ? LABEL_ASIDE_PX : [0];
  return asidePx.flatMap(aside =>
    radii.map(each => ({ angle: angle + aside / stage.radiusPx, radius: each })),
  );
}

/** A lead as a row of discs, for labels to keep clear of. */
function trail({ angle, span }: ReplicaShape, orbit: number): Disc[] {
  const steps = Math.ceil((span * orbit) / TRAIL_STEP_PX);
  return Array.from({ length: steps }, (_, i) => ({
    centre: pointAt(angle + (span * (i + 1)) / steps, orbit),
    radius: 2,
  }));
}

function labels(
  peers: readonly PeerShape[],
  replicas: readonly ReplicaShape[],
  { stage, active }: SceneOptions,
): PlacedLabel<PeerModel>[] {
  const { widthPx, heightPx, fontPx } = stage;
  const orbit = stage.radiusPx + stage.dotPx + stage.orbitPx;
  const obstacles: Disc[] = [
    ...peers,
    ...replicas.map(({ pin }) => ({ centre: pin, radius: stage.pinPx })),
    ...replicas.flatMap(replica => trail(replica, orbit)),
  ];
  const requests = peers.map(shape => ({
    subject: shape.peer,
    lines: shape.peer.isSelf ? ['you', shape.peer.name] : [shape.peer.name],
    places: labelPlaces(shape, { stage, active, orbit }),
    priority: priority(shape.peer, active),
  }));
  return placeLabels(requests, obstacles, {
    metrics: { charPx: fontPx * 0.62, linePx: fontPx * 1.25 },
    bounds: boxAround({ x: 0, y: 0 }, widthPx, heightPx),
  });
}
