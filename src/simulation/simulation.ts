import type { Id } from '../kernel/identifier.ts';
import type { Change, PeerId, SessionId } from '../kernel/machine.ts';
import { decodeMessage, encodeMessage, isPromise, type PeerMessage } from '../peer/protocol.ts';
import { Peer } from '../peer/peer.ts';
import type {
  PeerConfig,
  PeerEffect,
  PeerEvent,
  PeerInput,
  PeerOp,
  PeerResult,
} from '../peer/contract.ts';
import type { RingTerms } from '../ring/ring-message.ts';
import { EventQueue } from './event-queue.ts';
import { Random } from './random.ts';
import { SimulatedStore } from './simulated-store.ts';

/** What the simulated network does to messages: a delay drawn evenly from this range. */
export type SimulatedNetwork = { readonly delayMsMin: number; readonly delayMsMax: number };

/** Tabs on one continent. */
export const LAN: SimulatedNetwork = { delayMsMin: 1, delayMsMax: 20 };

export type SimulationOptions = {
  readonly seed: number;
  readonly network?: SimulatedNetwork;
  /** How long a write takes to become durable. */
  readonly writeMsMax?: number;
  readonly degree?: number;
  readonly slotCount?: number;
  /** Encodes and decodes every message, as a real link would; off for large runs. */
  readonly hasCodec?: boolean;
  readonly config?: PeerConfig;
};

/** One simulated tab; its store outlives it. */
export type SimulatedPeer = {
  readonly id: PeerId;
  readonly store: SimulatedStore;
  /** Null while the peer is down. */
  peer: Peer | null;
  incarnation: number;
};

type Running = {
  readonly peer: Peer;
  readonly host: SimulatedPeer;
  readonly timers: Map<string, number>;
  /** Writes issued, and how many of them are durable. */
  issuedCount: number;
  durableCount: number;
  /** Messages that wait for the disk: each for the writes issued before it. */
  gated: { readonly ticket: number; readonly to: PeerId; readonly message: PeerMessage }[];
  readonly calls: Map<number, (result: PeerResult) => void>;
  pausedUntilMs: number;
  isOver: boolean;
};

type Happening = () => void;
type Link = {
  readonly a: PeerId;
  readonly b: PeerId;
  readonly aRun: Running;
  readonly bRun: Running;
};

/**
 * Whole peers in virtual time on a seeded network: the same seed gives the same run, event for
 * event. Nothing here waits, and nothing reads a clock.
 */
export class Simulation {
  readonly random: Random;
  readonly hosts = new Map<PeerId, SimulatedPeer>();
  /** Called after every step of every peer: where invariants are checked. */
  readonly onStep: ((host: SimulatedPeer) => void)[] = [];
  /** Called with every message that goes over a link, and its sender. */
  readonly onSend: ((host: SimulatedPeer, message: PeerMessage) => void)[] = [];
  readonly onEvent: ((host: SimulatedPeer, event: PeerEvent) => void)[] = [];
  messageCount = 0;
  messageBytes = 0;
  readonly #network: SimulatedNetwork;
  readonly #writeMsMax: number;
  readonly #hasCodec: boolean;
  readonly #config: PeerConfig;
  readonly #terms: Pick<RingTerms, 'degree' | 'slotCount'>;
  readonly #queue = new EventQueue<Happening>();
  readonly #runs = new Map<PeerId, Running>();
  readonly #links = new Map<string, Link>();
  readonly #arrivals = new Map<string, number>();
  readonly #sessions = new Map<SessionId, { readonly from: Running; answer: Running | null }>();
  #nowMs = 0;
  #eventCount = 0;
  #traceHash = 0x811c9dc5;
  #nextCall = 1;
  #nextPeer = 1;

  constructor(options: SimulationOptions) {
    this.random = new Random(options.seed);
    this.#network = options.network ?? LAN;
    this.#writeMsMax = options.writeMsMax ?? 4;
    this.#hasCodec = options.hasCodec ?? true;
    this.#config = options.config ?? {};
    this.#terms = { degree: options.degree ?? 4, slotCount: options.slotCount ?? 1_024 };
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Steps carried out so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Depends on every step: what it was, whose, and when. */
  get traceHash(): string {
    return (this.#traceHash >>> 0).toString(16).padStart(8, '0');
  }

  get livePeers(): SimulatedPeer[] {
    return [...this.hosts.values()].filter(host => host.peer !== null);
  }

  /** Peers that have a place on a ring. */
  get members(): SimulatedPeer[] {
    return this.livePeers.filter(host => host.peer?.ring.state.standing === 'member');
  }

  /** A new tab, which founds a ring if nobody is there, else joins. */
  addPeer(options: { position?: Id } = {}): SimulatedPeer {
    const id = `peer-${String(this.#nextPeer++).padStart(4, '0')}` as PeerId;
    const host: SimulatedPeer = { id, store: new SimulatedStore(), peer: null, incarnation: 0 };
    this.hosts.set(id, host);
    this.#start(host, options.position ?? null);
    return host;
  }

  /** The tab is gone, with whatever was not durable. Nobody is told. */
  crash(host: SimulatedPeer): void {
    const run = this.#runs.get(host.id);
    if (run) run.isOver = true;
    this.#runs.delete(host.id);
    host.peer = null;
    for (const [name, link] of this.#links) {
      if (link.a === host.id || link.b === host.id) this.#links.delete(name);
    }
  }

  /** The tab says goodbye on every link, and is gone. */
  close(host: SimulatedPeer): void {
    this.#step(host.id, { type: 'command', command: { type: 'goodbye' } });
    this.crash(host);
  }

  /** The tab comes back with its store. */
  restart(host: SimulatedPeer): void {
    this.crash(host);
    this.#start(host, null);
  }

  /**
   * The tab does nothing for a while, as one that is frozen or starved; what comes for it waits.
   * Others cannot tell it from a crash.
   */
  pause(host: SimulatedPeer, forMs: number): void {
    const run = this.#runs.get(host.id);
    if (run) run.pausedUntilMs = this.#nowMs + forMs;
  }

  /** The tab leaves gracefully; it is gone once everything was handed over. */
  leave(host: SimulatedPeer): void {
    this.#step(host.id, { type: 'command', command: { type: 'leave' } });
  }

  /** One call of the API; resolves in virtual time, by calling back. */
  call(
    host: SimulatedPeer,
    op: PeerOp,
    onResult: (result: PeerResult) => void,
    timeoutMs = 10_000,
  ): void {
    const run = this.#runs.get(host.id);
    if (!run) return onResult({ type: 'nothing' });
    const call = this.#nextCall++;
    run.calls.set(call, onResult);
    this.#step(host.id, { type: 'command', command: { type: 'call', call, timeoutMs, op } });
  }

  /** Calls, and runs the world until the answer is there. */
  await(host: SimulatedPeer, op: PeerOp, timeoutMs = 10_000): PeerResult {
    let result: PeerResult | null = null;
    this.call(host, op, answer => (result = answer), timeoutMs);
    this.runUntil(() => result !== null, timeoutMs + 1_000);
    return result ?? { type: 'nothing' };
  }

  /** Bytes arrive at a peer as if `from` had sent them. */
  inject(host: SimulatedPeer, from: PeerId, bytes: Uint8Array): void {
    this.#step(host.id, { type: 'message', from, bytes });
  }

  /** Lets this much virtual time pass. */
  run(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    while (this.#queue.nextMs <= endMs) this.#happen();
    this.#nowMs = endMs;
  }

  /** Until the condition holds, or the time is up: then false. */
  runUntil(isDone: () => boolean, withinMs: number): boolean {
    const endMs = this.#nowMs + withinMs;
    while (!isDone()) {
      if (this.#queue.nextMs > endMs) return false;
      this.#happen();
    }
    return true;
  }

  /** Does something at a later virtual time. */
  after(delayMs: number, happening: () => void): void {
    this.#queue.push(this.#nowMs + delayMs, happening);
  }

  #happen(): void {
    const next = this.#queue.pop();
    if (!next) return;
    this.#nowMs = next.atMs;
    next.item();
  }

  #start(host: SimulatedPeer, position: Id | null): void {
    const { incarnation, records } = host.store.open();
    const random = this.random.fork();
    const peer = new Peer({
      peer: host.id,
      incarnation,
      records,
      now: () => this.#nowMs,
      random: () => random.next(),
      config: this.#config,
    });
    const run: Running = {
      peer,
      host,
      timers: new Map(),
      issuedCount: 0,
      durableCount: 0,
      gated: [],
      calls: new Map(),
      pausedUntilMs: 0,
      isOver: false,
    };
    host.peer = peer;
    host.incarnation = incarnation;
    this.#runs.set(host.id, run);
    this.#carryOut(run, peer.start());
    this.#enter(run, position ?? peer.formerPlace?.position ?? null);
  }

  /** What the bootstrap does for a real tab: a first contact, or the word that there is nobody. */
  #enter(run: Running, position: Id | null): void {
    const { host } = run;
    const others = this.members.filter(other => other.id !== host.id);
    if (others.length === 0 && this.livePeers.length <= 1) {
      const terms = run.peer.formerPlace?.terms ?? {
        ...this.#terms,
        foundedAtMs: this.#nowMs,
        founder: host.id,
      };
      const place = position ?? (Math.floor(this.random.next() * 105 * 2 ** 45) as Id);
      const command = { type: 'found', terms, position: place } as const;
      return this.#step(host.id, { type: 'command', command });
    }
    if (others.length === 0) {
      this.after(100, () => {
        if (!run.isOver) this.#enter(run, position);
      });
      return;
    }
    this.#contact(run);
    const standing = run.peer.ring.state.standing;
    if (standing !== 'idle') return;
    this.#step(host.id, { type: 'command', command: { type: 'join', position } });
  }

  #contact(run: Running): void {
    const others = this.members.filter(other => other.id !== run.host.id);
    for (const other of this.random.sample(others, 2)) {
      const target = this.#runs.get(other.id);
      if (target) this.#open(run, target, null);
    }
  }

  #step(id: PeerId, input: PeerInput): void {
    const run = this.#runs.get(id);
    if (!run || run.isOver) return;
    this.#stepRun(run, input);
  }

  #stepRun(run: Running, input: PeerInput): void {
    if (run.isOver) return;
    if (run.pausedUntilMs > this.#nowMs) {
      this.#queue.push(run.pausedUntilMs, () => this.#stepRun(run, input));
      return;
    }
    this.#eventCount += 1;
    this.#trace(run.host.id, input);
    this.#carryOut(run, run.peer.step(input));
    for (const check of this.onStep) check(run.host);
  }

  #trace(id: PeerId, input: PeerInput): void {
    const detail =
      input.type === 'timer'
        ? input.name
        : input.type === 'plainMessage'
          ? input.message.type
          : input.type === 'message'
            ? String(input.bytes.length)
            : '';
    const text = `${this.#nowMs}|${id}|${input.type}|${detail}`;
    for (let i = 0; i < text.length; i++) {
      this.#traceHash = Math.imul(this.#traceHash ^ text.charCodeAt(i), 0x01000193);
    }
  }

  #carryOut(run: Running, effects: readonly PeerEffect[]): void {
    for (const effect of effects) this.#apply(run, effect);
  }

  #apply(run: Running, effect: PeerEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(run, effect.to, effect.message);
      case 'setTimer':
        return this.#setTimer(run, effect.name, effect.delayMs);
      case 'clearTimer':
        return void run.timers.delete(effect.name);
      case 'persist':
        return this.#persist(run, effect.changes);
      case 'emit':
        return this.#onEvent(run, effect.event);
      case 'dial':
        return this.#dial(run, effect.peer, effect.session);
      case 'signal':
        return this.#signal(run, effect.peer, effect.session, effect.data);
      case 'cancel':
        return void this.#sessions.delete(effect.session);
      case 'hangUp':
        return this.#hangUp(run, effect.peer);
    }
  }

  #setTimer(run: Running, name: string, delayMs: number): void {
    const token = this.#eventCount * 1_000 + run.timers.size + this.random.next();
    run.timers.set(name, token);
    this.after(delayMs, () => {
      if (run.isOver || run.timers.get(name) !== token) return;
      run.timers.delete(name);
      this.#stepRun(run, { type: 'timer', name });
    });
  }

  #persist(run: Running, changes: readonly Change[]): void {
    run.issuedCount += 1;
    this.after(this.random.between(0, this.#writeMsMax), () => {
      if (run.isOver) return; // Lost with the tab.
      run.host.store.commit(changes);
      run.durableCount += 1;
      while (run.gated[0] && run.gated[0].ticket <= run.durableCount) {
        const { to, message } = run.gated.shift() as Running['gated'][number];
        this.#deliver(run, to, message);
      }
    });
  }

  #send(run: Running, to: PeerId, message: PeerMessage): void {
    const mustWait = isPromise(message) && run.durableCount < run.issuedCount;
    if (mustWait) run.gated.push({ ticket: run.issuedCount, to, message });
    else this.#deliver(run, to, message);
  }

  #deliver(run: Running, to: PeerId, message: PeerMessage): void {
    const from = run.host.id;
    if (to === from) {
      this.after(0, () => {
        if (!run.isOver) this.#stepRun(run, { type: 'plainMessage', from, message });
      });
      return;
    }
    const link = this.#links.get(linkName(from, to));
    if (!link) return;
    const target = link.a === to ? link.aRun : link.bRun;
    this.messageCount += 1;
    for (const listener of this.onSend) listener(run.host, message);
    const input = this.#onTheWire(from, message);
    const direction = `${from}>${to}`;
    const arrivalMs = Math.max(this.#nowMs + this.#delayMs(), this.#arrivals.get(direction) ?? 0);
    this.#arrivals.set(direction, arrivalMs); // A link keeps order.
    this.#queue.push(arrivalMs, () => {
      if (!target.isOver) this.#stepRun(target, input);
    });
  }

  #onTheWire(from: PeerId, message: PeerMessage): PeerInput {
    if (!this.#hasCodec) return { type: 'plainMessage', from, message };
    const bytes = encodeMessage(message);
    this.messageBytes += bytes.length;
    if (!decodeMessage(bytes)) {
      throw new Error(`a message of ours does not decode: ${JSON.stringify(message)}`);
    }
    return { type: 'message', from, bytes };
  }

  #delayMs(): number {
    return this.random.between(this.#network.delayMsMin, this.#network.delayMsMax);
  }

  #dial(run: Running, peer: PeerId, session: SessionId): void {
    this.#sessions.set(session, { from: run, answer: null });
    this.after(this.#delayMs() / 4, () => {
      if (!run.isOver) this.#stepRun(run, { type: 'linkSignal', peer, session, data: 'offer' });
    });
  }

  #signal(run: Running, peer: PeerId, session: SessionId, data: string): void {
    const dialing = this.#sessions.get(session);
    if (!dialing) return;
    if (data === 'offer') {
      dialing.answer = run;
      this.after(this.#delayMs() / 4, () => {
        if (!run.isOver) this.#stepRun(run, { type: 'linkSignal', peer, session, data: 'answer' });
      });
      return;
    }
    this.#sessions.delete(session);
    this.after(2 * this.#delayMs(), () => {
      const { from, answer } = dialing;
      if (answer && !from.isOver && !answer.isOver) this.#open(from, answer, session);
    });
  }

  #open(a: Running, b: Running, session: SessionId | null): void {
    const name = linkName(a.host.id, b.host.id);
    this.#links.set(name, { a: a.host.id, b: b.host.id, aRun: a, bRun: b });
    this.#up(a, b, session);
    this.#up(b, a, session);
  }

  #up(run: Running, other: Running, session: SessionId | null): void {
    this.#stepRun(run, {
      type: 'linkUp',
      peer: other.host.id,
      session,
      incarnation: other.host.incarnation,
      kind: 'simulated',
    });
  }

  #hangUp(run: Running, peer: PeerId): void {
    const name = linkName(run.host.id, peer);
    const link = this.#links.get(name);
    if (!link) return;
    this.#links.delete(name);
    const other = link.a === peer ? link.aRun : link.bRun;
    this.after(this.#delayMs(), () => {
      if (other.isOver || this.#links.has(name)) return;
      this.#stepRun(other, { type: 'linkDown', peer: run.host.id });
    });
  }

  #onEvent(run: Running, event: PeerEvent): void {
    for (const listener of this.onEvent) listener(run.host, event);
    switch (event.type) {
      case 'call.done':
        run.calls.get(event.call)?.(event.result);
        return void run.calls.delete(event.call);
      case 'ring.joinFailed':
        return this.after(200, () => {
          if (!run.isOver) this.#enter(run, run.peer.formerPlace?.position ?? null);
        });
      case 'ring.isolated':
        return this.#onIsolated(run);
      case 'replica.drained':
        return this.after(0, () => {
          if (!run.isOver) this.close(run.host);
        });
      default:
        return;
    }
  }

  /** As a real tab does: asks its bootstrap for others, and comes back as after a crash. */
  #onIsolated(run: Running): void {
    this.after(1_000, () => {
      if (run.isOver || run.peer.ring.state.standing !== 'isolated') return;
      if (this.members.length > 0) return this.restart(run.host);
      this.#stepRun(run, { type: 'command', command: { type: 'actAlone' } });
    });
  }
}

function linkName(a: PeerId, b: PeerId): string {
  return a < b ? `${a}|${b}` : `${b}|${a}`;
}
