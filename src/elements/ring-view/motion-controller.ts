import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { PeerId } from '../../kernel/machine.ts';
import { Frame } from '../shared/frame.ts';
import { normalise, shortestTurn } from './circle.ts';

/** Long enough to follow with the eye, short enough not to wait for. */
const DURATION_MS = 450;

interface Tween {
  readonly from: ReadonlyMap<PeerId, number>;
  readonly to: ReadonlyMap<PeerId, number>;
  readonly startedAt: number;
}

/** A peer that has gone, shown for a moment longer where it stood. */
export interface Ghost {
  readonly peer: PeerId;
  readonly angle: number;
}

/**
 * Moves peers round the circle to where they belong, and remembers for a moment where the departed
 * stood. Whoever asked for less motion, and a page nobody sees, gets the end at once.
 */
export class MotionController implements ReactiveController {
  readonly #frame: Frame;
  #tween: Tween = { from: new Map(), to: new Map(), startedAt: -DURATION_MS };
  #ghosts: readonly Ghost[] = [];

  constructor(host: ReactiveControllerHost) {
    this.#frame = new Frame(() => host.requestUpdate());
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#frame.cancel();
    this.#tween = { ...this.#tween, startedAt: -DURATION_MS };
    this.#ghosts = [];
  }

  hostUpdated(): void {
    if (this.#progress() < 1) this.#frame.request();
    else if (this.#ghosts.length > 0) {
      this.#ghosts = [];
      this.#frame.request();
    }
  }

  get ghosts(): readonly Ghost[] {
    return this.#ghosts;
  }

  /** Where to draw the peers now, given where they belong. */
  aim(targets: ReadonlyMap<PeerId, number>): ReadonlyMap<PeerId, number> {
    const { to } = this.#tween;
    if (!isSame(targets, to)) {
      const now = this.#angles();
      this.#ghosts = isMotionWelcome() && targets.size > 0 ? departed(now, targets) : [];
      this.#tween = {
        // Who is new appears where it belongs, without having been elsewhere.
        from: new Map([...targets].map(([peer, angle]) => [peer, now.get(peer) ?? angle])),
        to: targets,
        startedAt: isMotionWelcome() && now.size > 0 ? performance.now() : -DURATION_MS,
      };
    }
    return this.#angles();
  }

  #progress(): number {
    return Math.min(1, (performance.now() - this.#tween.startedAt) / DURATION_MS);
  }

  #angles(): ReadonlyMap<PeerId, number> {
    const { from, to } = this.#tween;
    const progress = this.#progress();
    if (progress === 1) return to;
    const eased = 1 - (1 - progress) ** 3;
    return new Map(
      [...to].map(([peer, end]) => {
        const start = from.get(peer) ?? end;
        return [peer, normalise(start + shortestTurn(start, end) * eased)];
      }),
    );
  }
}

function isSame(a: ReadonlyMap<PeerId, number>, b: ReadonlyMap<PeerId, number>): boolean {
  return a.size === b.size && [...a].every(([peer, angle]) => b.get(peer) === angle);
}

function departed(
  before: ReadonlyMap<PeerId, number>,
  after: ReadonlyMap<PeerId, number>,
): readonly Ghost[] {
  return [...before].filter(([peer]) => !after.has(peer)).map(([peer, angle]) => ({ peer, angle }));
}

function isMotionWelcome(): boolean {
  return !document.hidden && !matchMedia('(prefers-reduced-motion: reduce)').matches;
}
