import { expect } from 'chai';
import { compareVersions, type Version } from '../../src/replication/version.ts';
import type { SimulatedPeer, Simulation } from '../../src/simulation/index.ts';
import { anyone, bytes, grow, settle } from './helpers.ts';

type Done = {
  readonly isRead: boolean;
  readonly version: Version | null;
  readonly text: string | null;
};

/**
 * Goal: a key behaves as one register while many read and write it at once and peers come and go.
 * Method: versions are the order of writes, so what must hold is checked from them: an operation
 * that begins after another has ended never has an older version, a write always has a newer one
 * than all that ended before it, and one version stands for one value.
 */
function contend(sim: Simulation, clientCount: number, operationCount: number): Done[] {
  const done: Done[] = [];
  const values = new Map<string, string | null>();
  let newest: Version | null = null;
  /** Calls under way at peers that are alive: what was asked of a crashed one is nobody's any more. */
  const open = new Map<SimulatedPeer, number>();
  const openCount = (): number =>
    [...open].reduce((sum, [host, count]) => sum + (host.peer ? count : 0), 0);
  const begin = (client: number, left: number): void => {
    if (left === 0) return;
    const host = anyone(sim);
    const floor = newest;
    const isRead = sim.random.next() < 0.5;
    const text = `${client}-${left}`;
    const op = isRead
      ? ({ type: 'get', key: 'hot', isLocal: false } as const)
      : ({ type: 'put', key: 'hot', value: bytes(text) } as const);
    open.set(host, (open.get(host) ?? 0) + 1);
    sim.call(host, op, result => {
      open.set(host, (open.get(host) ?? 0) - 1);
      sim.after(sim.random.between(0, 30), () => begin(client, left - 1));
      if (result.type !== 'value' && result.type !== 'written') return; // Refused: no promise.
      const { version } = result;
      const order = compareVersions(version, floor);
      expect(order, `${isRead ? 'read' : 'write'} ${text}`).to.be.at.least(isRead ? 0 : 1);
      const got =
        result.type === 'value' ? result.value && new TextDecoder().decode(result.value) : text;
      const name = JSON.stringify(version);
      expect(values.get(name) ?? got, `value of ${name}`).to.equal(got);
      values.set(name, got);
      if (compareVersions(version, newest) > 0) newest = version;
      done.push({ isRead, version, text: got });
    });
  };
  for (let client = 0; client < clientCount; client++) begin(client, operationCount);
  sim.run(30_000); // More than twice the deadline of a call.
  expect(openCount(), 'operations still open').to.equal(0);
  return done;
}

describe('one key, many readers and writers (simulated)', function () {
  this.timeout(120_000);

  for (const degree of [3, 4, 5]) {
    for (let seed = 1; seed <= 6; seed++) {
      it(`is one register among steady peers (degree ${degree}, seed ${seed})`, () => {
        const sim = grow(8, { seed, degree });
        const done = contend(sim, 8, 20);
        expect(done).to.have.length(160);
        expect(done.filter(({ isRead }) => isRead).length).to.be.above(20);
      });

      it(`is one register while a peer joins and one crashes (degree ${degree}, seed ${seed})`, () => {
        const sim = grow(8, { seed, degree });
        sim.after(150, () => sim.addPeer());
        sim.after(600, () => sim.crash(anyone(sim)));
        const done = contend(sim, 6, 20);
        expect(done.length, 'operations that got through').to.be.above(60); // Those whose peer crashed ask no more.
        settle(sim);
      });
    }
  }
});
