import { distance, randomId, SPACE, toId, type Id } from '../kernel/identifier.ts';
import type { Outbox, PeerId, PeerRef } from '../kernel/machine.ts';
import type { LinkTable } from './link-table.ts';
import type { RingJoin, RingJoinOk, RingJoinRefusal, RingRouted } from './ring-message.ts';
import type { RingOut } from './ring.ts';
import type { RingState } from './ring-state.ts';

/** What the joiner and the leaver need of routing. */
export interface JoinRouter {
  /** Sends `message` towards `key`, through `contact` or by this peer's own neighbours. */
  sendTo(key: Id, message: RingRouted, contact: PeerId | null, out: Outbox<never, never>): void;
  /** Sends an answer back the way a message came. */
  answer(trail: readonly PeerId[], message: RingRouted, out: Outbox<never, never>): void;
  /** Asks, through `contact`, who is responsible for `key`, and from where on. No retries. */
  sample(
    key: Id,
    contact: PeerId,
    onAnswer: (owner: PeerRef, from: Id) => void,
    out: Outbox<never, never>,
  ): void;
}

export type JoinerConfig = {
  /** Points sampled for the widest range. With fewer than ten peers nearly all are seen. */
  readonly sampleCount: number;
  /** The samples that have answered by then must do. */
  readonly sampleMs: number;
  /** An attempt without an answer by then is repeated through another contact. */
  readonly attemptMs: number;
  readonly attemptCountMax: number;
};

export const JOINER_CONFIG: JoinerConfig = {
  sampleCount: 12,
  sampleMs: 250,
  attemptMs: 1_500,
  attemptCountMax: 12,
};

type Mode =
  | { readonly mode: 'waiting' }
  | {
      readonly mode: 'sampling';
      answerCount: number;
      readonly owners: Map<PeerId, { readonly from: Id; readonly owner: PeerRef }>;
    }
  | { readonly mode: 'asking'; readonly nonce: number; contact: PeerId }
  | { readonly mode: 'stopped' };

/**
 * The joining side of step one: picks a place in the widest range that a few samples show, asks
 * its owner for it, and repeats that through other contacts until it is answered. (Karger and Ruhl
 * 2004, in their join-time variant; the owner settles the exact place, so that peers which join at
 * the same time halve different ranges.)
 */
export class Joiner {
  readonly #state: RingState;
  readonly #links: LinkTable;
  readonly #router: JoinRouter;
  readonly #config: JoinerConfig;
  #mode: Mode = { mode: 'stopped' };
  #wish: Id | null = null;
  #isFixed = false;
  #attempts = 0;
  /** Of all attempts: a slow answer to an early one gives a place as good as any. */
  readonly #nonces = new Set<number>();
  #lastContact: PeerId | null = null;

  constructor(state: RingState, links: LinkTable, router: JoinRouter, config: JoinerConfig) {
    this.#state = state;
    this.#links = links;
    this.#router = router;
    this.#config = config;
  }

  start(wish: { position: Id | null }, out: RingOut): void {
    this.#wish = wish.position;
    this.#isFixed = wish.position !== null;
    this.#attempt(out);
  }

  stop(out: RingOut): void {
    this.#mode = { mode: 'stopped' };
    out.clearTimer('ring.join');
  }

  /** Whether this answers the attempt under way; an older one's answer is for a place given up. */
  isAwaited(message: RingJoinOk, from: PeerId): boolean {
    const isOurs = message.joined.peer === this.#state.self.peer && message.succ.peer === from;
    return this.#state.standing === 'joining' && this.#nonces.has(message.nonce) && isOurs;
  }

  onLinkUp(out: RingOut): void {
    if (this.#mode.mode === 'waiting') this.#attempt(out);
  }

  onLost(peer: PeerId, out: RingOut): void {
    if (this.#mode.mode === 'asking' && this.#mode.contact === peer) this.#attempt(out);
  }

  onRefusal(message: RingJoinRefusal, out: RingOut): void {
    const mode = this.#mode;
    if (mode.mode !== 'asking' || mode.nonce !== message.nonce) return; // Of a former attempt.
    if (message.type === 'ring.positionTaken') {
      this.#wish = null;
      this.#isFixed = false;
    }
    this.#mode = { mode: 'waiting' };
    const delayMs = message.type === 'ring.joinLater' ? Math.min(message.retryMs, 2_000) : 0;
    out.setTimer('ring.join', delayMs * (0.5 + out.random()));
  }

  onTimer(out: RingOut): void {
    if (this.#mode.mode === 'stopped') return;
    if (this.#mode.mode === 'sampling') return this.#ask(out);
    this.#attempt(out);
  }

  #attempt(out: RingOut): void {
    const contact = this.#pickContact(out);
    this.#attempts += 1;
    // Without any contact, or with none that helps, others must be found first.
    if (!contact || this.#attempts > this.#config.attemptCountMax) {
      this.stop(out);
      this.#attempts = 0;
      this.#state.standing = 'idle';
      return out.emit({ type: 'ring.joinFailed' });
    }
    this.#lastContact = contact;
    if (this.#isFixed) return this.#ask(out);
    this.#mode = { mode: 'sampling', answerCount: 0, owners: new Map() };
    out.setTimer('ring.join', this.#config.sampleMs);
    for (let i = 0; i < this.#config.sampleCount; i++) this.#sample(contact, out);
  }

  /** Another contact than the last one, if there are several: that one did not help. */
  #pickContact(out: RingOut): PeerId | null {
    const peers = [...this.#links.openLinks.keys()];
    const others = peers.filter(peer => peer !== this.#lastContact);
    const choice = others.length > 0 ? others : peers;
    return choice[Math.floor(out.random() * choice.length)] ?? null;
  }

  #sample(contact: PeerId, out: RingOut): void {
    const sampling = this.#mode;
    this.#router.sample(
      randomId(() => out.random()),
      contact,
      (owner, from) => {
        if (sampling !== this.#mode || sampling.mode !== 'sampling') return; // Too late.
        sampling.owners.set(owner.peer, { from, owner });
        sampling.answerCount += 1;
        if (sampling.answerCount === this.#config.sampleCount) out.setTimer('ring.join', 0);
      },
      out,
    );
  }

  #ask(out: RingOut): void {
    if (!this.#isFixed) this.#wish = this.#widestMiddle(out);
    const contact = this.#lastContact;
    const { peer, incarnation } = this.#state.self;
    if (contact === null || this.#wish === null) return this.#attempt(out);
    const nonce = Math.floor(out.random() * 2 ** 40);
    this.#nonces.add(nonce);
    this.#mode = { mode: 'asking', nonce, contact };
    out.setTimer('ring.join', this.#config.attemptMs);
    const { position: wish } = { position: this.#wish };
    const join: RingJoin = {
      type: 'ring.join',
      peer,
      incarnation,
      wish,
      isFixed: this.#isFixed,
      nonce,
    };
    this.#router.sendTo(wish, join, contact, out);
  }

  /** The middle of the widest range seen, or anywhere when nobody answered. */
  #widestMiddle(out: RingOut): Id {
    const owners = this.#mode.mode === 'sampling' ? [...this.#mode.owners.values()] : [];
    let widest = 0;
    let middle = randomId(() => out.random());
    for (const { from, owner } of owners) {
      const width = distance(from, owner.position) || SPACE;
      if (width <= widest) continue;
      widest = width;
      middle = toId(from + Math.floor(width / 2));
    }
    return middle;
  }
}
