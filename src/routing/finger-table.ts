import { distance, inOpenClosed, SPACE, toId, type Id } from '../kernel/identifier.ts';
import type { Outbox, PeerId, PeerRef } from '../kernel/machine.ts';
import type { RingState } from '../ring/ring-state.ts';

export type FingerConfig = {
  /** Arity k of the search: log_k N hops, (k − 1)·log_k N fingers. (Alima et al., DKS, 2003.) */
  readonly arity: number;
  /** The first refresh after a change nearby, */
  readonly refreshMs: number;
  /** doubling from round to round up to this: at rest the table costs next to nothing. */
  readonly refreshMsMax: number;
  readonly lookupMs: number;
  /** Lookups under way at a time. */
  readonly lookupCountMax: number;
};

export const FINGER_CONFIG: FingerConfig = {
  arity: 4,
  refreshMs: 400,
  refreshMsMax: 30_000,
  lookupMs: 4_000,
  lookupCountMax: 4,
};

export type Finger = { readonly ideal: Id; readonly ref: PeerRef };

/** What the table needs of the peer around it. */
export interface FingerPorts {
  lookup(
    ideal: Id,
    timeoutMs: number,
    onAnswer: (found: { owner: PeerRef; from: Id } | null) => void,
  ): void;
  connect(ref: PeerRef): void;
  onChange(): void;
}

type Out = Outbox<never, never>;

/**
 * Routing shortcuts: for each ideal identifier, at distance j·SPACE/k^i, the peer responsible for
 * it. A finger can only make a lookup shorter or longer, never wrong: who is responsible is always
 * that peer's own word.
 */
export class FingerTable {
  readonly #ring: RingState;
  readonly #config: FingerConfig;
  readonly #fingers = new Map<Id, PeerRef>();
  #refreshMs: number;
  #pending: Id[] = [];
  #lookupCount = 0;

  constructor(ring: RingState, config: FingerConfig = FINGER_CONFIG) {
    this.#ring = ring;
    this.#config = config;
    this.#refreshMs = config.refreshMs;
  }

  get fingers(): readonly Finger[] {
    return [...this.#fingers].map(([ideal, ref]) => ({ ideal, ref }));
  }

  refs(): Iterable<PeerRef> {
    return this.#fingers.values();
  }

  /** Something near has changed: look again soon. */
  wake(out: Out): void {
    this.#refreshMs = this.#config.refreshMs;
    out.setTimer('fingers.refresh', this.#refreshMs * (0.5 + out.random()));
  }

  remove(peer: PeerId): boolean {
    let didRemove = false;
    for (const [ideal, ref] of this.#fingers) {
      if (ref.peer === peer) didRemove = this.#fingers.delete(ideal) || didRemove;
    }
    return didRemove;
  }

  onTimer(ports: FingerPorts, out: Out): void {
    this.#refreshMs = Math.min(this.#refreshMs * 2, this.#config.refreshMsMax);
    out.setTimer('fingers.refresh', this.#refreshMs * (0.75 + out.random() / 2));
    const isMember = this.#ring.standing === 'member' && !this.#ring.isAlone;
    this.#pending = isMember ? this.#ideals() : [];
    for (const ideal of [...this.#fingers.keys()]) {
      if (!this.#pending.includes(ideal)) this.#fingers.delete(ideal);
    }
    this.#lookUpNext(ports);
  }

  /** Farthest first, ending where the successor is the finger. */
  #ideals(): Id[] {
    const { self, succ } = this.#ring;
    const reach = distance(self.position, succ.position);
    const ideals: Id[] = [];
    for (
      let step = SPACE / this.#config.arity;
      step >= 1;
      step = Math.floor(step / this.#config.arity)
    ) {
      for (let j = this.#config.arity - 1; j > 0; j--) {
        if (j * step > reach) ideals.push(toId(self.position + Math.floor(j * step)));
      }
      if ((this.#config.arity - 1) * step <= reach) break;
    }
    return ideals;
  }

  #lookUpNext(ports: FingerPorts): void {
    while (this.#lookupCount < this.#config.lookupCountMax) {
      const ideal = this.#pending.shift();
      if (ideal === undefined) return;
      this.#lookupCount += 1;
      ports.lookup(ideal, this.#config.lookupMs, found => {
        this.#lookupCount -= 1;
        if (found) this.#onFound(ideal, found, ports);
        this.#lookUpNext(ports);
      });
    }
  }

  #onFound(ideal: Id, found: { owner: PeerRef; from: Id }, ports: FingerPorts): void {
    this.#set(ideal, found.owner, ports);
    // One answer settles all ideals in the owner's range.
    this.#pending = this.#pending.filter(other => {
      if (!inOpenClosed(other, found.from, found.owner.position)) return true;
      this.#set(other, found.owner, ports);
      return false;
    });
  }

  #set(ideal: Id, ref: PeerRef, ports: FingerPorts): void {
    if (this.#ring.isSelf(ref)) {
      if (this.#fingers.delete(ideal)) ports.onChange();
      return;
    }
    const known = this.#fingers.get(ideal);
    this.#fingers.set(ideal, ref);
    ports.connect(ref);
    if (known?.peer !== ref.peer || known.incarnation !== ref.incarnation) ports.onChange();
  }
}
