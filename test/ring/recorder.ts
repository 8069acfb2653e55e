import type {
  Change,
  Durability,
  LinkOutbox,
  PeerId,
  SessionId,
} from '../../src/kernel/machine.ts';

/** An outbox that writes down what a module asks for; its clock and its chance are the test's. */
export class Recorder<Message, Event> implements LinkOutbox<Message, Event> {
  now = 0;
  sent: { readonly to: PeerId; readonly message: Message }[] = [];
  events: Event[] = [];
  readonly timers = new Map<string, number>();
  readonly counts = new Map<string, number>();
  /** What was asked of the driver's links, in words: `dial b s1`. */
  links: string[] = [];
  #draw = 0;

  /** Sure to differ from draw to draw, and the same in every run. */
  random(): number {
    this.#draw = (this.#draw + 0.381966011) % 1;
    return this.#draw;
  }

  send(to: PeerId, message: Message): void {
    this.sent.push({ to, message });
  }

  setTimer(name: string, delayMs: number): void {
    this.timers.set(name, this.now + delayMs);
  }

  clearTimer(name: string): void {
    this.timers.delete(name);
  }

  persist(_changes: readonly Change[], _durability: Durability): void {
    throw new Error('nothing tested with a recorder writes');
  }

  emit(event: Event): void {
    this.events.push(event);
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  dial(peer: PeerId, session: SessionId): void {
    this.links.push(`dial ${peer} ${session}`);
  }

  signal(peer: PeerId, session: SessionId, data: string): void {
    this.links.push(`signal ${peer} ${session} ${data}`);
  }

  cancel(peer: PeerId, session: SessionId): void {
    this.links.push(`cancel ${peer} ${session}`);
  }

  hangUp(peer: PeerId): void {
    this.links.push(`hangUp ${peer}`);
  }

  /** What was sent and emitted since the last time. */
  take(): { sent: { to: PeerId; message: Message }[]; events: Event[]; links: string[] } {
    const taken = { sent: [...this.sent], events: this.events, links: this.links };
    this.sent = [];
    this.events = [];
    this.links = [];
    return taken;
  }
}
