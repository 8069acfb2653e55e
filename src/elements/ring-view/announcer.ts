import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { PeerId } from '../../kernel/machine.ts';
import type { RingModel } from './model.ts';

/** Changes come in bursts: what happens within this time is told in one sentence. */
const PAUSE_MS = 1_000;

/**
 * Words for those who do not see the ring: who came and who went, and how many there are. The first
 * survey after the first look brings everybody at once; that is told as a number, not as arrivals.
 */
export class Announcer implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  #isSurveyed = false;
  #told: ReadonlyMap<PeerId, string> | undefined;
  #now: ReadonlyMap<PeerId, string> = new Map();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #text = '';

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  /** What the live region says. */
  get text(): string {
    return this.#text;
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Takes note of who is there, and says so after a pause if that is news. */
  observe(model: RingModel | undefined): void {
    if (model === undefined) return;
    const isSurveyed = model.snapshot.members.length > 0;
    if (isSurveyed && !this.#isSurveyed) this.#told = undefined;
    this.#isSurveyed = isSurveyed;
    const present = model.peers.filter(peer => peer.isMember || !isSurveyed);
    this.#now = new Map(present.map(peer => [peer.ref.peer, peer.name]));
    if (this.#timer !== undefined || isEqual(this.#now, this.#told)) return;
    this.#timer = setTimeout(() => this.#tell(), PAUSE_MS);
  }

  #tell(): void {
    this.#timer = undefined;
    const now = this.#now;
    const told = this.#told;
    if (isEqual(now, told)) return; // Somebody came and went.
    this.#told = now;
    const parts = told === undefined ? [] : news(told, now);
    this.#text = [...parts, `${count(now.size, 'peer')} on the ring.`].join(' ');
    this.#host.requestUpdate();
  }
}

function news(
  before: ReadonlyMap<PeerId, string>,
  after: ReadonlyMap<PeerId, string>,
): readonly string[] {
  const names = (of: ReadonlyMap<PeerId, string>, but: ReadonlyMap<PeerId, string>): string[] =>
    [...of].filter(([peer]) => !but.has(peer)).map(([, name]) => name);
  const told = (who: readonly string[], verb: string): string[] => {
    if (who.length === 0) return [];
    const subject = who.length === 1 ? `Peer ${who[0]}` : count(who.length, 'peer');
    return [`${subject} ${verb}.`];
  };
  return [...told(names(after, before), 'joined'), ...told(names(before, after), 'left')];
}

function isEqual(
  a: ReadonlyMap<PeerId, string>,
  b: ReadonlyMap<PeerId, string> | undefined,
): boolean {
  return b !== undefined && a.size === b.size && [...a.keys()].every(peer => b.has(peer));
}

/** `1 peer`, `2 peers`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
