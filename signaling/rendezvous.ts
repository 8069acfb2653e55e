import { evict, pickMembers, type Member } from './members.ts';

/** All times are milliseconds of one clock that never runs backwards: `now` of every call. */
export type RendezvousConfig = {
  /** Until a page with a store, opened at the same moment, has asked: it goes first. */
  readonly collectMs: number;
  /**
   * After the start, and after a page that was or perhaps had become a member was lost without a
   * goodbye, no founder is named for this long: those that live on come back within two seconds, and
   * in a hidden tab within three.
   */
  readonly graceMs: number;
  /**
   * A founder that has not renewed for this long is replaced; a candidate that has not asked again,
   * or a joiner that has not registered, is no longer waited for.
   */
  readonly leaseMs: number;
  /** How often a founder is to renew. A hidden tab's timers come once a second. */
  readonly renewMs: number;
  /** How soon to ask again while somebody else is founding. Founding takes some 100 ms. */
  readonly pollMs: number;
  /** How many members a newcomer is given: several, because one may just have died. */
  readonly contactCountMax: number;
  /** Members heard within this time are all equally recent. */
  readonly freshMs: number;
  /** A report of a failed contact counts for this long. */
  readonly failureMs: number;
  readonly networkCountMax: number;
  /** Members listed in one network; more are welcome on the ring, and not needed here. */
  readonly memberCountMax: number;
  /** Candidates, or joiners, remembered in one network; more only have to ask again. */
  readonly candidateCountMax: number;
};

export const RENDEZVOUS_CONFIG: RendezvousConfig = {
  collectMs: 300,
  graceMs: 3_000,
  leaseMs: 5_000,
  renewMs: 1_000,
  pollMs: 200,
  contactCountMax: 4,
  freshMs: 30_000,
  failureMs: 60_000,
  networkCountMax: 1_000,
  memberCountMax: 1_000,
  candidateCountMax: 200,
};

/** A page, by its PeerServer id, and the network it asks about. */
export type Subject = {
  readonly network: string;
  readonly id: string;
};

export type Introduction =
  | { readonly type: 'found'; readonly renewMs: number }
  | { readonly type: 'join'; readonly members: readonly string[] }
  | { readonly type: 'wait'; readonly waitMs: number };

/** The server has no room for a further network. */
export type Full = { readonly type: 'full' };

type Candidate = { readonly holdsStore: boolean; readonly since: number; askedAt: number };
type Ranked = { readonly id: string; readonly holdsStore: boolean; readonly since: number };
type Founder = { readonly id: string; renewedAt: number };
type Network = {
  readonly members: Map<string, Member>;
  readonly candidates: Map<string, Candidate>;
  /** When pages were sent to members that they have perhaps joined by now. */
  readonly joiners: Map<string, number>;
  founder: Founder | null;
  /** No founder is named before this time. */
  quietUntil: number;
};

/** A waiting page asks again at least this often, so that its lease lasts and it hears of members. */
const WAIT_MS_MAX = 1_000;

/** `wait` never means a busy loop. */
const WAIT_MS_MIN = 20;

/**
 * Decides for every network who founds it, and whom a newcomer joins through. Knows no sockets: the
 * server says which pages are there, and what the time is.
 *
 * Invariants:
 * 1. A network has at most one founder, and a page is named founder only in the answer to itself.
 * 2. Nobody is named founder while another page is listed as a member or may be joining one, or
 *    before `quietUntil`.
 * 3. A page is in one network, and in it one of: candidate, joiner, founder, member.
 * 4. Networks, members and candidates are bounded; a network that nobody is in is forgotten.
 *
 * A founder is taken for dead when its lease has run out. If it was only asleep, and says later that
 * it is a member, there may be two rings: it is listed, so that they can find each other.
 */
export class Rendezvous {
  readonly #config: RendezvousConfig;
  readonly #random: () => number;
  readonly #networks = new Map<string, Network>();
  readonly #networkOf = new Map<string, string>();
  readonly #startedAt: number;

  constructor(options: {
    readonly config?: Partial<RendezvousConfig>;
    readonly random: () => number;
    readonly now: number;
  }) {
    this.#config = { ...RENDEZVOUS_CONFIG, ...options.config };
    this.#random = options.random;
    this.#startedAt = options.now;
  }

  get networkCount(): number {
    return this.#networks.size;
  }

  get memberCount(): number {
    let count = 0;
    for (const network of this.#networks.values()) count += network.members.size;
    return count;
  }

  /** A newcomer asks what to do. Asking also says that it is no member (any more). */
  introduce(subject: Subject & { readonly holdsStore: boolean }, now: number): Introduction | Full {
    const network = this.#enter(subject, now);
    if (network === null) return { type: 'full' };
    this.#tidy(network, now);
    network.members.delete(subject.id);
    if (network.members.size > 0) return this.#sendToMembers(network, subject.id, now);
    if (network.founder?.id === subject.id) return this.#renew(network.founder, now);
    network.joiners.delete(subject.id);
    this.#addCandidate(network, subject, now);
    return this.#decide(network, subject.id, now);
  }

  /**
   * A founder says that it is at it still. A server that has lost its memory believes it, unless it
   * knows of somebody else; so does one that had given it up and named nobody since.
   */
  renew(subject: Subject, now: number): Introduction | Full {
    const network = this.#enter(subject, now);
    if (network === null) return { type: 'full' };
    this.#tidy(network, now);
    const { founder } = network;
    if (founder?.id === subject.id) return this.#renew(founder, now);
    this.#remove(network, subject.id);
    if (network.members.size > 0) return this.#sendToMembers(network, subject.id, now);
    if (founder !== null) return { type: 'wait', waitMs: this.#config.pollMs };
    network.founder = { id: subject.id, renewedAt: now };
    return this.#renew(network.founder, now);
  }

  /** A page is on the ring. False: the list is full, and others are contacted instead. */
  register(subject: Subject, now: number): boolean | Full {
    const network = this.#enter(subject, now);
    if (network === null) return { type: 'full' };
    this.#remove(network, subject.id);
    const isRoom = network.members.size < this.#config.memberCountMax;
    if (isRoom) network.members.set(subject.id, { heardAt: now, failureCount: 0, failedAt: now });
    return isRoom;
  }

  /** Members other than the one who asks, whatever that one is. */
  find(subject: Subject, now: number): readonly string[] {
    const network = this.#networks.get(subject.network);
    return network === undefined ? [] : this.#pick(network, subject.id, now);
  }

  /** A page says that it wants nothing any more, or its websocket was closed with a goodbye. */
  withdraw(id: string, now: number): void {
    this.#leave(id, now);
  }

  /** A page's websocket broke. The page may be alive and back in a moment. */
  lose(id: string, now: number): void {
    const network = this.#networks.get(this.#networkOf.get(id) ?? '');
    if (network === undefined) return;
    const { members, joiners, founder } = network;
    const isPerhapsMember = members.has(id) || joiners.has(id) || founder?.id === id;
    if (isPerhapsMember) {
      network.quietUntil = Math.max(network.quietUntil, now + this.#config.graceMs);
    }
    this.#leave(id, now);
  }

  /** The page said something, or answered a ping. */
  hear(id: string, now: number): void {
    const member = this.#networks.get(this.#networkOf.get(id) ?? '')?.members.get(id);
    if (member !== undefined) member.heardAt = now;
  }

  /** `id` could not reach these members of its network. Returns those that are listed. */
  report(subject: Subject, failed: readonly string[], now: number): readonly string[] {
    const network = this.#networks.get(subject.network);
    if (network === undefined) return [];
    return failed.filter(id => {
      const member = id === subject.id ? undefined : network.members.get(id);
      if (member === undefined) return false;
      const isOld = now - member.failedAt > this.#config.failureMs;
      member.failureCount = (isOld ? 0 : member.failureCount) + 1;
      member.failedAt = now;
      return true;
    });
  }

  /** Forgets networks that only waited for lost members to come back. */
  tidy(now: number): void {
    for (const [name, network] of this.#networks) {
      this.#tidy(network, now);
      if (isEmpty(network) && now >= network.quietUntil) this.#networks.delete(name);
    }
  }

  #enter(subject: Subject, now: number): Network | null {
    const former = this.#networkOf.get(subject.id);
    if (former !== undefined && former !== subject.network) this.#leave(subject.id, now);
    let network = this.#networks.get(subject.network);
    if (network === undefined) {
      if (this.#networks.size >= this.#config.networkCountMax) this.tidy(now);
      if (this.#networks.size >= this.#config.networkCountMax) return null;
      const quietUntil = this.#startedAt + this.#config.graceMs;
      network = {
        members: new Map(),
        candidates: new Map(),
        joiners: new Map(),
        founder: null,
        quietUntil,
      };
      this.#networks.set(subject.network, network);
    }
    this.#networkOf.set(subject.id, subject.network);
    return network;
  }

  #leave(id: string, now: number): void {
    const name = this.#networkOf.get(id);
    const network = name === undefined ? undefined : this.#networks.get(name);
    this.#networkOf.delete(id);
    if (name === undefined || network === undefined) return;
    this.#remove(network, id);
    if (isEmpty(network) && now >= network.quietUntil) this.#networks.delete(name);
  }

  #remove(network: Network, id: string): void {
    network.members.delete(id);
    network.candidates.delete(id);
    network.joiners.delete(id);
    if (network.founder?.id === id) network.founder = null;
  }

  #sendToMembers(network: Network, id: string, now: number): Introduction {
    this.#remove(network, id);
    if (network.joiners.size < this.#config.candidateCountMax) network.joiners.set(id, now);
    return { type: 'join', members: this.#pick(network, id, now) };
  }

  /** Gives up those who found or join and have not been heard of for too long. */
  #tidy(network: Network, now: number): void {
    const { leaseMs } = this.#config;
    const { founder, candidates, joiners } = network;
    if (founder !== null && now - founder.renewedAt > leaseMs) network.founder = null;
    for (const [id, { askedAt }] of candidates) {
      if (now - askedAt > leaseMs) candidates.delete(id);
    }
    for (const [id, sentAt] of joiners) {
      if (now - sentAt > leaseMs) joiners.delete(id);
    }
  }

  #addCandidate(network: Network, subject: Subject & { holdsStore: boolean }, now: number): void {
    const { candidates } = network;
    const { id, holdsStore } = subject;
    const known = candidates.get(id);
    if (known !== undefined && known.holdsStore === holdsStore) {
      known.askedAt = now;
      return;
    }
    // One with a store takes the place of one without when there is no room.
    const isRoom = known !== undefined || candidates.size < this.#config.candidateCountMax;
    if (!isRoom && !(holdsStore && evict(candidates, each => !each.holdsStore))) return;
    candidates.set(id, { holdsStore, since: known?.since ?? now, askedAt: now });
  }

  #decide(network: Network, id: string, now: number): Introduction {
    const { collectMs, pollMs } = this.#config;
    if (network.founder !== null || network.joiners.size > 0) return wait(pollMs);
    if (now < network.quietUntil) return wait(network.quietUntil - now);
    const best = firstCandidate(network.candidates);
    if (best === null) return wait(pollMs);
    const collectedAt = best.since + collectMs;
    // Nobody goes before a page with a store, so there is nobody to wait for.
    if (!best.holdsStore && now < collectedAt) return wait(collectedAt - now);
    if (best.id !== id) return wait(pollMs);
    network.candidates.delete(id);
    network.founder = { id, renewedAt: now };
    return this.#renew(network.founder, now);
  }

  #renew(founder: Founder, now: number): Introduction {
    founder.renewedAt = now;
    return { type: 'found', renewMs: this.#config.renewMs };
  }

  #pick(network: Network, asker: string, now: number): readonly string[] {
    return pickMembers(network.members, {
      asker,
      now,
      random: this.#random,
      ...this.#config,
    });
  }
}

function isEmpty({ members, candidates, joiners, founder }: Network): boolean {
  return members.size + candidates.size + joiners.size === 0 && founder === null;
}

function wait(waitMs: number): Introduction {
  return { type: 'wait', waitMs: Math.min(Math.max(Math.ceil(waitMs), WAIT_MS_MIN), WAIT_MS_MAX) };
}

/** With a store before without, then who asked first. */
function firstCandidate(candidates: ReadonlyMap<string, Candidate>): Ranked | null {
  let first: Ranked | null = null;
  for (const [id, { holdsStore, since }] of candidates) {
    const candidate: Ranked = { id, holdsStore, since };
    if (first === null || goesBefore(candidate, first)) first = candidate;
  }
  return first;
}

function goesBefore(a: Ranked, b: Ranked): boolean {
  return a.holdsStore === b.holdsStore ? a.since < b.since : a.holdsStore;
}
