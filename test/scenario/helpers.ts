import { expect } from 'chai';
import {
  cellFaults,
  ringFaults,
  Simulation,
  type SimulatedPeer,
  type SimulationOptions,
} from '../../src/simulation/index.ts';

/** How long a ring may take to be perfect again after anything that happens in these scenarios. */
const SETTLE_MS = 30_000;

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A ring of so many peers, perfect, with every cell active. */
export function grow(count: number, options: SimulationOptions): Simulation {
  const sim = new Simulation(options);
  for (let i = 0; i < count; i++) {
    sim.addPeer();
    sim.run(i === 0 ? 500 : 100);
  }
  settle(sim);
  return sim;
}

/** Lets time pass until ring and cells are as they should be; says what is wrong if they are not. */
export function settle(sim: Simulation, withinMs: number = SETTLE_MS): void {
  const untilMs = sim.nowMs + withinMs;
  const faults = () => [...ringFaults(sim), ...cellFaults(sim)];
  while (faults().length > 0 && sim.nowMs < untilMs) sim.run(20);
  expect(faults(), `not settled after ${withinMs} ms`).to.deep.equal([]);
}

export function put(sim: Simulation, host: SimulatedPeer, key: string, value: string | null): void {
  const op = { type: 'put', key, value: value === null ? null : bytes(value) } as const;
  expect(sim.await(host, op).type, `put ${key}`).to.equal('written');
}

export function get(sim: Simulation, host: SimulatedPeer, key: string): string | null {
  const result = sim.await(host, { type: 'get', key, isLocal: false });
  if (result.type !== 'value') throw new Error(`get ${key}: ${result.type}`);
  return result.value && new TextDecoder().decode(result.value);
}

export function anyone(sim: Simulation): SimulatedPeer {
  return sim.random.pick(sim.members);
}

/** Stores so many keys, each through another peer. */
export function fill(sim: Simulation, count: number): Map<string, string> {
  const expected = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    expected.set(`key-${i}`, `value-${i}`);
    put(sim, anyone(sim), `key-${i}`, `value-${i}`);
  }
  return expected;
}

export function expectAll(sim: Simulation, expected: ReadonlyMap<string, string>): void {
  for (const [key, value] of expected) expect(get(sim, anyone(sim), key), key).to.equal(value);
}
