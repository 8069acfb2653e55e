import { distance, inOpenClosed, inOpenOpen, type Id } from '../kernel/identifier.ts';
import type { Outbox, PeerId, PeerRef } from '../kernel/machine.ts';
import { HOPS_MAX } from '../kernel/schema.ts';
import type { FailureDetector } from '../ring/failure-detector.ts';
import type { LinkTable } from '../ring/link-table.ts';
import type { RingState } from '../ring/ring-state.ts';
import type { Answer, Forward, RouteMessage } from './routing-message.ts';

/** A routed message has arrived at the peer responsible for its key. */
export type Delivery<Payload> = {
  readonly key: Id;
  readonly payload: Payload;
  /** The way it came, the origin first: `answer` sends back along it. */
  readonly trail: readonly PeerId[];
  readonly request: number | null;
};

export type RouterConfig = {
  /** First patience with an answer, before round trips have been measured. */
  readonly answerMs: number;
  readonly answerMsMin: number;
  readonly answerMsMax: number;
  /** Pause before a repetition when somebody said that the message got lost. */
  readonly retryMs: number;
  /** Messages kept while this peer is joining and cannot tell what is its own. */
  readonly deferredCountMax: number;
};

export const ROUTER_CONFIG: RouterConfig = {
  answerMs: 600,
  answerMsMin: 250,
  answerMsMax: 3_000,
  retryMs: 60,
  deferredCountMax: 256,
};

/** Called once: with the answer and the peer it came from, or null when the deadline has passed. */
export type OnAnswer<Payload> = (payload: Payload | null) => void;

type Request<Payload> = {
  readonly key: Id;
  readonly payload: Payload;
  readonly only: PeerId | null;
  readonly via: PeerId | null;
  readonly deadlineMs: number;
  readonly onAnswer: OnAnswer<Payload>;
  readonly hasRetries: boolean;
  sentMs: number;
  dueMs: number;
  tries: number;
  lastHop: PeerId | null;
};

export type RequestOptions = {
  readonly timeoutMs: number;
  /** Deliver to this peer only, wherever else the key may lead. */
  readonly only?: PeerId | null;
  /** The first hop of a peer that has no place on the ring yet. */
  readonly via?: PeerId;
  readonly hasRetries?: boolean;
};

type Out<Payload> = Outbox<RouteMessage<Payload>, never>;

/**
 * Recursive greedy routing with a step back: a message goes to the closest peer before its key, the
 * last of them sends it to its successor, and if that one's range begins later it goes back along
 * the branch until somebody's own range holds the key. Answers return along the trail, without new
 * links. (RELAXED-RING 2.4; Mejías and Van Roy 2008.)
 *
 * Nobody ever says whom a key belongs to but that peer itself. Requests are repeated, by another
 * first hop, until answered or due: whoever receives them must make no difference of twice.
 */
export class Router<Payload> {
  readonly #ring: RingState;
  readonly #links: LinkTable;
  readonly #detector: FailureDetector;
  readonly #config: RouterConfig;
  readonly #deliver: (delivery: Delivery<Payload>) => void;
  readonly #shortcuts: () => Iterable<PeerRef>;
  readonly #requests = new Map<number, Request<Payload>>();
  #deferred: Forward<Payload>[] = [];
  #nextRequest = 1;
  #answerMs: number;

  constructor(parts: {
    ring: RingState;
    links: LinkTable;
    detector: FailureDetector;
    /** Peers to route by besides the neighbours: the fingers. */
    shortcuts: () => Iterable<PeerRef>;
    deliver: (delivery: Delivery<Payload>) => void;
    config?: RouterConfig;
  }) {
    this.#ring = parts.ring;
    this.#links = parts.links;
    this.#detector = parts.detector;
    this.#shortcuts = parts.shortcuts;
    this.#deliver = parts.deliver;
    this.#config = parts.config ?? ROUTER_CONFIG;
    this.#answerMs = this.#config.answerMs;
  }

  /** Sends once, and wants no answer. */
  send(key: Id, payload: Payload, options: { via?: PeerId | null }, out: Out<Payload>): void {
    const message = this.#newForward({ key, payload, request: null, only: null });
    if (options.via) this.#sendOn(options.via, message, out);
    else this.#route(message, null, out);
  }

  /** Asks the peer responsible for `key`, again and again until it answers or the time is up. */
  request(
    key: Id,
    payload: Payload,
    options: RequestOptions,
    onAnswer: OnAnswer<Payload>,
    out: Out<Payload>,
  ): void {
    const number = this.#nextRequest++;
    const request: Request<Payload> = {
      key,
      payload,
      only: options.only ?? null,
      via: options.via ?? null,
      deadlineMs: out.now + options.timeoutMs,
      onAnswer,
      hasRetries: options.hasRetries ?? true,
      sentMs: out.now,
      dueMs: 0,
      tries: 0,
      lastHop: null,
    };
    this.#requests.set(number, request);
    this.#try(number, request, out);
    this.#setTimer(out);
  }

  /** Answers a delivered message, back along its trail. */
  answer(delivery: Omit<Delivery<Payload>, 'key'>, out: Out<Payload>): void {
    const { payload, request, trail } = delivery;
    this.#sendBack({ type: 'route.answer', request, trail: [...trail], payload }, out);
  }

  /** Hands a delivered message on to a peer that answers in this one's place. */
  handOn(to: PeerId, delivery: Delivery<Payload>, out: Out<Payload>): boolean {
    if (!this.#isUsable(to) || delivery.trail.length >= HOPS_MAX) return false;
    const { key, payload, request } = delivery;
    const trail = [...delivery.trail, this.#ring.self.peer];
    out.send(to, { type: 'route.forward', key, payload, request, isLast: true, only: to, trail });
    return true;
  }

  onMessage(from: PeerId, message: RouteMessage<Payload>, out: Out<Payload>): void {
    if (message.type !== 'route.forward') return this.#onReturn(message, out);
    if (message.trail.at(-1) !== from) return out.count('route.forgedTrail');
    this.#route(message, from, out);
  }

  onTimer(out: Out<Payload>): void {
    for (const [number, request] of [...this.#requests]) {
      if (request.deadlineMs <= out.now) this.#finish(number, request, null);
      else if (request.dueMs <= out.now) this.#try(number, request, out);
    }
    this.#setTimer(out);
  }

  /** The peer has its place: what waited for that can go on. */
  onJoined(out: Out<Payload>): void {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const message of deferred) this.#route(message, message.trail.at(-1) ?? null, out);
  }

  /** A link is gone: what went over it unanswered goes another way, at once. */
  onLost(peer: PeerId, out: Out<Payload>): void {
    for (const request of this.#requests.values()) {
      if (request.lastHop === peer) request.dueMs = Math.min(request.dueMs, out.now);
    }
    this.#setTimer(out);
  }

  /** The best open link towards `key`, leaving out those that were tried; null without one. */
  nextHop(key: Id, tried: readonly PeerId[]): PeerId | null {
    const { self } = this.#ring;
    let best: PeerRef | null = null;
    for (const ref of this.#known()) {
      if (tried.includes(ref.peer) || !this.#isUsable(ref.peer)) continue;
      if (ref.position === key) return ref.peer;
      if (!inOpenOpen(ref.position, self.position, key)) continue;
      if (!best || inOpenOpen(ref.position, best.position, key)) best = ref;
    }
    return best?.peer ?? null;
  }

  get pendingCount(): number {
    return this.#requests.size;
  }

  #newForward(fields: {
    key: Id;
    payload: Payload;
    request: number | null;
    only: PeerId | null;
  }): Forward<Payload> {
    return { type: 'route.forward', ...fields, isLast: false, trail: [] };
  }

  #try(number: number, request: Request<Payload>, out: Out<Payload>): void {
    if (request.tries > 0 && !request.hasRetries) {
      request.dueMs = request.deadlineMs;
      return;
    }
    request.tries += 1;
    request.sentMs = out.now;
    request.dueMs = out.now + this.#answerMs * Math.min(request.tries, 4);
    const { key, payload, only } = request;
    const message = this.#newForward({ key, payload, request: number, only });
    if (request.via !== null) return this.#sendOn(request.via, message, out);
    this.#route(message, null, out, request);
  }

  #finish(number: number, request: Request<Payload>, payload: Payload | null): void {
    this.#requests.delete(number);
    request.onAnswer(payload);
  }

  #onReturn(message: Exclude<RouteMessage<Payload>, { type: 'route.forward' }>, out: Out<Payload>) {
    if (message.trail.at(0) !== this.#ring.self.peer) return this.#sendBack(message, out);
    const number = message.request;
    if (number === null) {
      // Answers to what asked for none by number: the joiner's, matched by its nonce.
      if (message.type === 'route.answer') this.#deliverAnswer(message);
      return;
    }
    const request = this.#requests.get(number);
    if (!request) return; // Answered or given up before.
    if (message.type === 'route.answer') {
      this.#measure(request, out);
      return this.#finish(number, request, message.payload);
    }
    request.dueMs = Math.min(request.dueMs, out.now + this.#config.retryMs * request.tries);
    this.#setTimer(out);
  }

  #deliverAnswer(message: Answer<Payload>): void {
    this.#deliver({
      key: this.#ring.self.position,
      payload: message.payload,
      trail: [],
      request: null,
    });
  }

  #measure(request: Request<Payload>, out: Out<Payload>): void {
    if (request.tries > 1) return; // Which of the tries was answered cannot be told. (Karn.)
    const { answerMsMin, answerMsMax } = this.#config;
    const sampleMs = 4 * (out.now - request.sentMs);
    const smoothed = this.#answerMs + (sampleMs - this.#answerMs) / 8;
    this.#answerMs = Math.min(Math.max(smoothed, answerMsMin), answerMsMax);
  }

  #route(
    message: Forward<Payload>,
    from: PeerId | null,
    out: Out<Payload>,
    request?: Request<Payload>,
  ): void {
    const ring = this.#ring;
    if (ring.standing === 'joining') return this.#defer(message, out);
    const isForMe = message.only === null || message.only === ring.self.peer;
    const isMine = message.only === ring.self.peer || ring.isResponsible(message.key);
    if (isForMe && isMine) {
      const { key, payload, trail } = message;
      return this.#deliver({
        key,
        payload,
        trail: from === null ? [] : trail,
        request: message.request,
      });
    }
    if (message.trail.length >= HOPS_MAX) return this.#fail(message, 'route.tooFar', out);
    const tried = [...message.trail, ring.self.peer];
    const avoid = request?.lastHop ?? null;
    const next = this.#choose(message, tried, avoid);
    if (!next) return this.#fail(message, 'route.noWay', out);
    if (request) request.lastHop = next.peer;
    this.#sendOn(next.peer, { ...message, isLast: next.isLast }, out);
  }

  #choose(
    message: Forward<Payload>,
    tried: readonly PeerId[],
    avoid: PeerId | null,
  ): { peer: PeerId; isLast: boolean } | null {
    const { only, key, isLast } = message;
    if (only !== null && this.#isUsable(only)) return { peer: only, isLast };
    if (isLast) {
      const back = this.#stepBack(key, tried);
      return back && { peer: back, isLast: true };
    }
    const { self, succ, successors } = this.#ring;
    if (inOpenClosed(key, self.position, succ.position)) {
      // If the successor does not answer, the one after it is the next to know.
      const usable = successors.filter(ref => this.#isUsable(ref.peer));
      const next = usable.find(ref => ref.peer !== avoid) ?? usable[0];
      return next ? { peer: next.peer, isLast: true } : null;
    }
    const other = avoid === null ? null : this.nextHop(key, [...tried, avoid]);
    const next = other ?? this.nextHop(key, tried);
    if (next !== null) return { peer: next, isLast: false };
    // Between us and the key is nobody we can reach, or it lies in a range that was ours: step back.
    const back = this.#stepBack(key, tried);
    return back && { peer: back, isLast: true };
  }

  /** The nearest at or after the key among those before us: the owner is behind one of them. */
  #stepBack(key: Id, tried: readonly PeerId[]): PeerId | null {
    const { self, pred, predList } = this.#ring;
    let nearest: PeerRef | null = null;
    for (const ref of [pred, ...predList.values()]) {
      if (ref.peer === self.peer || tried.includes(ref.peer) || !this.#isUsable(ref.peer)) continue;
      if (ref.position !== key && !inOpenOpen(ref.position, key, self.position)) continue;
      if (!nearest || distance(key, ref.position) < distance(key, nearest.position)) nearest = ref;
    }
    return nearest?.peer ?? null;
  }

  *#known(): Iterable<PeerRef> {
    yield* this.#ring.successors;
    yield* this.#ring.predList.values();
    yield* this.#shortcuts();
  }

  #isUsable(peer: PeerId): boolean {
    return this.#links.isOpen(peer) && !this.#detector.isSuspected(peer);
  }

  #sendOn(to: PeerId, message: Forward<Payload>, out: Out<Payload>): void {
    out.send(to, { ...message, trail: [...message.trail, this.#ring.self.peer] });
  }

  #defer(message: Forward<Payload>, out: Out<Payload>): void {
    if (this.#deferred.length < this.#config.deferredCountMax) this.#deferred.push(message);
    else this.#fail(message, 'route.deferredOverflow', out);
  }

  #fail(message: Forward<Payload>, reason: string, out: Out<Payload>): void {
    out.count(reason);
    if (message.request === null) return;
    const failed = {
      type: 'route.failed',
      request: message.request,
      trail: message.trail,
    } as const;
    if (message.trail.length > 0) return this.#sendBack(failed, out);
    const request = this.#requests.get(message.request);
    if (!request) return;
    request.dueMs = Math.min(request.dueMs, out.now + this.#config.retryMs * request.tries);
  }

  /** To the earliest peer of the trail that there is a link to: the shortest way back. */
  #sendBack(
    message: Exclude<RouteMessage<Payload>, { type: 'route.forward' }>,
    out: Out<Payload>,
  ): void {
    const { self } = this.#ring;
    if (message.trail.length === 0 || message.trail[0] === self.peer) {
      // Through the driver like any other: even to ourselves nothing is promised before it is durable.
      return out.send(self.peer, { ...message, trail: [self.peer] });
    }
    const index = message.trail.findIndex(peer => this.#isUsable(peer));
    const next = message.trail[index];
    if (next === undefined) return out.count('route.noWayBack');
    out.send(next, { ...message, trail: message.trail.slice(0, index + 1) });
  }

  #setTimer(out: Out<Payload>): void {
    let dueMs = Infinity;
    for (const { dueMs: ownMs, deadlineMs } of this.#requests.values()) {
      dueMs = Math.min(dueMs, ownMs, deadlineMs);
    }
    if (dueMs === Infinity) out.clearTimer('router.requests');
    else out.setTimer('router.requests', Math.max(0, dueMs - out.now));
  }
}
