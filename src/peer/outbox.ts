import type { Change, Durability, LinkOutbox, PeerId, SessionId } from '../kernel/machine.ts';
import type { PeerEffect, PeerEnvironment, PeerEvent } from './contract.ts';
import type { PeerMessage } from './protocol.ts';

/** Buffers the effects of a step; the events among them are heard by the peer first. */
export class PeerOutbox implements LinkOutbox<PeerMessage, PeerEvent> {
  readonly #environment: PeerEnvironment;
  readonly #counters: Map<string, number>;
  #effects: PeerEffect[] = [];
  #events: PeerEvent[] = [];

  constructor(environment: PeerEnvironment, counters: Map<string, number>) {
    this.#environment = environment;
    this.#counters = counters;
  }

  get now(): number {
    return this.#environment.now();
  }

  random(): number {
    return this.#environment.random();
  }

  take(): readonly PeerEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  nextEvent(): PeerEvent | undefined {
    return this.#events.shift();
  }

  send(to: PeerId, message: PeerMessage): void {
    this.#effects.push({ type: 'send', to, message });
  }

  setTimer(name: string, delayMs: number): void {
    this.#effects.push({ type: 'setTimer', name, delayMs });
  }

  clearTimer(name: string): void {
    this.#effects.push({ type: 'clearTimer', name });
  }

  persist(changes: readonly Change[], durability: Durability): void {
    this.#effects.push({ type: 'persist', changes, durability });
  }

  emit(event: PeerEvent): void {
    this.#events.push(event);
    this.#effects.push({ type: 'emit', event });
  }

  count(name: string): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1);
  }

  dial(peer: PeerId, session: SessionId): void {
    this.#effects.push({ type: 'dial', peer, session });
  }

  signal(peer: PeerId, session: SessionId, data: string): void {
    this.#effects.push({ type: 'signal', peer, session, data });
  }

  cancel(peer: PeerId, session: SessionId): void {
    this.#effects.push({ type: 'cancel', peer, session });
  }

  hangUp(peer: PeerId): void {
    this.#effects.push({ type: 'hangUp', peer });
  }
}
