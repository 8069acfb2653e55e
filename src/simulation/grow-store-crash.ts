import { randomId } from '../kernel/identifier.ts';
import { cellFaults, OverlapCounter, ringFaults } from './checks.ts';
import { Simulation, type SimulatedPeer } from './simulation.ts';

export type GrowOptions = {
  readonly nodes: number;
  readonly seed: number;
  readonly keys: number;
  readonly crashes: number;
  readonly degree: number;
  readonly hasCodec: boolean;
  readonly onProgress: (text: string, share: number) => void;
};

export type GrowReport = {
  readonly seed: number;
  readonly nodes: number;
  readonly events: number;
  readonly virtualSeconds: number;
  readonly violations: number;
  readonly keys: number;
  readonly written: number;
  readonly readRight: number;
  readonly readWrong: number;
  readonly readRefused: number;
  readonly crashes: number;
  /** From a crash until the ring is perfect and every cell active again, milliseconds. */
  readonly healMsMean: number;
  readonly healMsMax: number;
  /** Moments at which two peers claimed the same identifier: while growing, and with crashes. */
  readonly overlapsGrowing: number;
  readonly overlapsCrashing: number;
  readonly lookupHopsMean: number;
  readonly lookupHopsMax: number;
  readonly joinMessagesMean: number;
  readonly messages: number;
  readonly bytes: number;
  readonly traceHash: string;
  /** What is wrong, in words. */
  readonly faults: readonly string[];
};

/** How long the ring may take to become perfect after a change: detection, repair, transfers. */
const SETTLE_MS = 30_000;

/** Peers come this often; a join takes longer, so several are under way at a time. */
const JOIN_INTERVAL_MS = 50;

/**
 * The first workload: grows a ring, stores keys, crashes peers one at a time with time to repair,
 * and reads everything back.
 */
export function growStoreCrash(options: GrowOptions): GrowReport {
  const run = new GrowStoreCrash(options);
  run.grow();
  run.store();
  run.crash();
  run.readBack();
  return run.report();
}

class GrowStoreCrash {
  readonly #options: GrowOptions;
  readonly #sim: Simulation;
  readonly #overlaps: OverlapCounter;
  readonly #expected = new Map<string, string>();
  readonly #faults: string[] = [];
  readonly #healMs: number[] = [];
  #overlapsGrowing = 0;
  #joinMessages = 0;
  #readRight = 0;
  #readWrong = 0;
  #readRefused = 0;

  constructor(options: GrowOptions) {
    this.#options = options;
    const { seed, degree, hasCodec } = options;
    this.#sim = new Simulation({ seed, degree, hasCodec });
    this.#overlaps = new OverlapCounter(this.#sim);
  }

  grow(): void {
    const { nodes, onProgress } = this.#options;
    for (let i = 0; i < nodes; i++) {
      this.#sim.addPeer();
      this.#sim.run(i === 0 ? 1_000 : JOIN_INTERVAL_MS);
      onProgress(`${i + 1} of ${nodes} peers`, (i + 1) / nodes);
    }
    this.#sim.runUntil(() => this.#sim.members.length === nodes, SETTLE_MS);
    this.#joinMessages = this.#sim.messageCount;
    this.#settle('after growing');
    this.#overlapsGrowing = this.#overlaps.count;
    if (this.#overlapsGrowing > 0) {
      this.#faults.push(`two claimants at ${this.#overlapsGrowing} moments of growing`);
    }
  }

  store(): void {
    for (let i = 0; i < this.#options.keys; i++) {
      const [key, value] = [`key-${i}`, `value-${i}-${this.#sim.random.below(1e9)}`];
      const put = { type: 'put', key, value: new TextEncoder().encode(value) } as const;
      const result = this.#sim.await(this.#anyone(), put);
      if (result.type === 'written') this.#expected.set(key, value);
      else this.#faults.push(`${key} was not written: ${result.type}`);
    }
  }

  crash(): void {
    const { crashes, onProgress } = this.#options;
    for (let i = 0; i < crashes; i++) {
      const beganMs = this.#sim.nowMs;
      this.#sim.crash(this.#anyone());
      if (!this.#settle(`after crash ${i + 1}`)) return;
      this.#healMs.push(this.#sim.nowMs - beganMs);
      onProgress(`${i + 1} of ${crashes} crashes`, (i + 1) / crashes);
    }
  }

  readBack(): void {
    for (const [key, expected] of this.#expected) {
      const result = this.#sim.await(this.#anyone(), { type: 'get', key, isLocal: false });
      if (result.type !== 'value') {
        this.#readRefused += 1;
        this.#faults.push(`${key} cannot be read: ${result.type}`);
        continue;
      }
      const value = result.value && new TextDecoder().decode(result.value);
      if (value === expected) this.#readRight += 1;
      else this.#readWrong += 1;
      if (value !== expected) this.#faults.push(`${key} is ${value}, not ${expected}`);
    }
  }

  report(): GrowReport {
    const hops = this.#measureHops();
    this.#faults.push(...ringFaults(this.#sim));
    const { seed, nodes, keys } = this.#options;
    return {
      seed,
      nodes,
      events: this.#sim.eventCount,
      virtualSeconds: Math.round(this.#sim.nowMs) / 1_000,
      violations: this.#faults.length,
      keys,
      written: this.#expected.size,
      readRight: this.#readRight,
      readWrong: this.#readWrong,
      readRefused: this.#readRefused,
      crashes: this.#healMs.length,
      healMsMean: Math.round(mean(this.#healMs)),
      healMsMax: Math.round(Math.max(0, ...this.#healMs)),
      overlapsGrowing: this.#overlapsGrowing,
      overlapsCrashing: this.#overlaps.count - this.#overlapsGrowing,
      lookupHopsMean: Math.round(mean(hops) * 100) / 100,
      lookupHopsMax: Math.max(0, ...hops),
      joinMessagesMean: Math.round(this.#joinMessages / nodes),
      messages: this.#sim.messageCount,
      bytes: this.#sim.messageBytes,
      traceHash: this.#sim.traceHash,
      faults: this.#faults,
    };
  }

  #anyone(): SimulatedPeer {
    return this.#sim.random.pick(this.#sim.members);
  }

  #measureHops(): number[] {
    this.#sim.run(5_000); // Fingers are looked up in the background.
    const hops: number[] = [];
    for (let i = 0; i < 200; i++) {
      const key = randomId(() => this.#sim.random.next());
      const found = this.#sim.await(this.#anyone(), { type: 'lookup', key });
      if (found.type === 'found') hops.push(found.hops);
      else this.#faults.push(`a lookup found nobody: ${found.type}`);
    }
    return hops;
  }

  /** Lets time pass until everything is as it should be, and not longer. */
  #settle(when: string): boolean {
    const untilMs = this.#sim.nowMs + SETTLE_MS;
    let faults: string[] = [];
    while (this.#sim.nowMs < untilMs) {
      faults = [...ringFaults(this.#sim), ...cellFaults(this.#sim)];
      if (faults.length === 0) return true;
      this.#sim.run(20);
    }
    this.#faults.push(
      `${when} not settled within ${SETTLE_MS} ms: ${faults.slice(0, 3).join('; ')}`,
    );
    return false;
  }
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, next) => sum + next, 0) / numbers.length;
}
