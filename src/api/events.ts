import type { TabringError } from '../kernel/errors.ts';
import type { RingStatus } from './snapshot.ts';

/** The peer's standing on its ring has changed. */
export class StatusChangeEvent extends Event {
  readonly status: RingStatus;
  constructor(status: RingStatus) {
    super('statuschange');
    this.status = status;
  }
}

/** Neighbours, fingers, links, members or replicas have changed: take a new snapshot. */
export class RingChangeEvent extends Event {
  constructor() {
    super('ringchange');
  }
}

/** One line of what the peer does, for an event log. */
export interface TraceEntry {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly topic: 'ring' | 'link' | 'detector' | 'store' | 'bootstrap' | 'lifecycle';
  readonly text: string;
}

export class TraceEvent extends Event {
  readonly entry: TraceEntry;
  constructor(entry: TraceEntry) {
    super('trace');
    this.entry = entry;
  }
}

/** Something went wrong that no call's rejection tells: a full disk, a lost signaling server, … */
export class ProblemEvent extends Event {
  readonly error: TabringError;
  constructor(error: TabringError) {
    super('problem');
    this.error = error;
  }
}
