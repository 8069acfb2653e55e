import type { Clock } from '../clock.ts';
import type { BroadcastMessage, Candidacy } from './broadcast-message.ts';
import type { Candidate, Election } from './election.ts';
import type { TabChannel } from './tab-channel.ts';
import { pause } from './wait.ts';

export type BallotConfig = {
  /** How often a candidate says so; also the grain of everything here. */
  readonly beatMs: number;
  /** How long a candidate listens for better ones before it says that it founds. */
  readonly windowMs: number;
  /** How long it waits for objections then. */
  readonly objectionMs: number;
  /** A candidate that is silent for this long is gone. */
  readonly silenceMs: number;
  /** The same for a founder, which is busy. */
  readonly founderSilenceMs: number;
};

type Rival = { readonly holdsStore: boolean; readonly phase: 'asking' | 'founding'; atMs: number };

/** Rivals remembered; there are not that many tabs. */
const RIVALS_MAX = 200;

/**
 * An election by messages, for pages that have no Web Locks (plain http). Every candidate says what
 * it is and listens; the best one (with a store before without, then the smaller name) declares that
 * it founds, waits for objections, and goes on saying so. The others wait until it is a member or
 * falls silent.
 *
 * Careful, not exact: a page whose main thread stands still for longer than these times can be
 * overlooked, and then there are two rings, which will find each other later.
 */
export class BallotElection implements Election {
  readonly #page: string;
  readonly #channel: TabChannel;
  readonly #clock: Clock;
  readonly #config: BallotConfig;
  readonly #stopListening: () => void;
  readonly #rivals = new Map<string, Rival>();
  #phase: 'idle' | 'asking' | 'founding' = 'idle';
  #holdsStore = false;
  #isFounder = false;
  #hasArrived = false;
  #endBeat: () => void = () => {};

  constructor(options: {
    readonly page: string;
    readonly channel: TabChannel;
    readonly clock: Clock;
    readonly config: BallotConfig;
  }) {
    this.#page = options.page;
    this.#channel = options.channel;
    this.#clock = options.clock;
    this.#config = options.config;
    this.#stopListening = this.#channel.listen(message => this.#take(message));
  }

  async stand({ holdsStore, signal }: Candidate): Promise<'elected' | 'again'> {
    if (this.#isFounder) return 'elected';
    this.#holdsStore = holdsStore;
    this.#hasArrived = false;
    try {
      this.#enter('asking');
      await this.#listen(this.#config.windowMs, signal);
      while (!this.#hasArrived) {
        if (this.#isBest()) {
          if (this.#phase === 'founding') {
            this.#isFounder = true;
            return 'elected';
          }
          this.#enter('founding');
          await this.#listen(this.#config.objectionMs, signal);
        } else {
          if (this.#phase === 'founding') this.#enter('asking');
          await this.#listen(this.#config.beatMs, signal);
        }
      }
      return 'again';
    } finally {
      if (!this.#isFounder) this.release();
    }
  }

  /** Stores were taken into account already. */
  confirm(): Promise<boolean> {
    return Promise.resolve(true);
  }

  release(): void {
    if (this.#phase === 'idle') return;
    this.#isFounder = false;
    this.#phase = 'idle';
    this.#endBeat();
    this.#channel.post({ type: 'candidate', holdsStore: this.#holdsStore, phase: 'out' });
  }

  close(): void {
    this.release();
    this.#stopListening();
  }

  #enter(phase: 'asking' | 'founding'): void {
    this.#phase = phase;
    this.#endBeat();
    this.#beat();
  }

  /** Says what this page is, now and again. */
  #beat(): void {
    if (this.#phase === 'idle') return;
    this.#channel.post({ type: 'candidate', holdsStore: this.#holdsStore, phase: this.#phase });
    this.#endBeat = this.#clock.after(this.#config.beatMs, () => this.#beat());
  }

  async #listen(forMs: number, signal: AbortSignal): Promise<void> {
    const untilMs = this.#clock.now() + forMs;
    // In small steps, so that a page that has arrived is not waited for.
    while (!this.#hasArrived && this.#clock.now() < untilMs) {
      await pause(this.#clock, Math.min(this.#config.beatMs, forMs), signal);
    }
  }

  #take(message: BroadcastMessage): void {
    if (message.type === 'arrived' || message.type === 'joining') {
      this.#hasArrived = true;
      this.#rivals.delete(message.from);
    }
    if (message.type === 'candidate') this.#onCandidacy(message);
  }

  #onCandidacy({ from, holdsStore, phase }: Candidacy): void {
    if (phase === 'out') return void this.#rivals.delete(from);
    if (this.#rivals.size >= RIVALS_MAX && !this.#rivals.has(from)) return;
    const isNew = !this.#rivals.has(from);
    this.#rivals.set(from, { holdsStore, phase, atMs: this.#clock.now() });
    // It must hear of this page within its own window.
    if (isNew && this.#phase !== 'idle') {
      this.#channel.post({ type: 'candidate', holdsStore: this.#holdsStore, phase: this.#phase });
    }
  }

  /** Whether no rival that is still there goes before this page. */
  #isBest(): boolean {
    const { silenceMs, founderSilenceMs } = this.#config;
    for (const [page, rival] of this.#rivals) {
      const silentMs = this.#clock.now() - rival.atMs;
      if (silentMs > (rival.phase === 'founding' ? founderSilenceMs : silenceMs)) {
        this.#rivals.delete(page);
      } else if (this.#goesBefore(page, rival)) return false;
    }
    return true;
  }

  #goesBefore(page: string, { holdsStore, phase }: Rival): boolean {
    const isFounding = this.#phase === 'founding';
    if ((phase === 'founding') !== isFounding) return phase === 'founding';
    if (holdsStore !== this.#holdsStore) return holdsStore;
    return page < this.#page;
  }
}
