import { expect } from 'chai';
import { distance, SPACE } from '../../src/kernel/identifier.ts';
import { OverlapCounter } from '../../src/simulation/checks.ts';
import { LAN, Simulation } from '../../src/simulation/index.ts';
import { anyone, expectAll, fill, get, grow, put, settle } from './helpers.ts';

/**
 * Goal: whatever peers do — join at once, leave, close, crash, sleep, come back — the ring becomes
 * perfect again and no value is lost. Method: whole peers, simulated, with the real codec.
 */
describe('membership (simulated)', function () {
  this.timeout(120_000);

  for (let seed = 1; seed <= 12; seed++) {
    it(`takes a crowd in at once, and nobody's claim overlaps (seed ${seed})`, () => {
      const sim = new Simulation({ seed });
      const overlaps = new OverlapCounter(sim);
      sim.addPeer();
      sim.run(100);
      for (let i = 0; i < 15; i++) sim.addPeer();
      settle(sim);
      expect(overlaps.count).to.equal(0);
      expect(sim.members).to.have.length(16);
    });

    it(`crashes peers while others join, and heals (seed ${seed})`, () => {
      const sim = grow(10, { seed });
      const expected = fill(sim, 12);
      for (let round = 0; round < 4; round++) {
        sim.addPeer();
        sim.run(sim.random.between(0, 120)); // Somewhere in the middle of the join.
        sim.crash(sim.random.pick(sim.livePeers));
        settle(sim);
      }
      expectAll(sim, expected);
    });

    it(`takes back a peer that slept (seed ${seed})`, () => {
      const sim = grow(8, { seed });
      const expected = fill(sim, 10);
      const sleeper = anyone(sim);
      sim.pause(sleeper, 4_000);
      sim.run(2_500);
      const [key] = expected.keys();
      const awake = sim.members.filter(host => host !== sleeper);
      put(sim, sim.random.pick(awake), key as string, 'written while one slept');
      expected.set(key as string, 'written while one slept');
      sim.run(2_000);
      settle(sim);
      expect(sim.members).to.have.length(8);
      expectAll(sim, expected);
      expect(get(sim, sleeper, key as string)).to.equal('written while one slept');
    });
  }

  for (let seed = 1; seed <= 4; seed++) {
    it(`hands everything on when all but one leave (seed ${seed})`, () => {
      const sim = grow(9, { seed });
      const expected = fill(sim, 20);
      while (sim.members.length > 1) {
        const count = sim.members.length;
        sim.leave(anyone(sim));
        const isGone = () => sim.livePeers.length === count - 1;
        expect(sim.runUntil(isGone, 10_000), 'the leaver is gone').to.equal(true);
        settle(sim);
      }
      expectAll(sim, expected);
    });

    it(`keeps every value while tabs are closed one by one, to the last (seed ${seed})`, () => {
      const sim = grow(9, { seed });
      const expected = fill(sim, 20);
      while (sim.members.length > 1) {
        sim.close(anyone(sim));
        settle(sim);
        sim.run(100); // Spare copies for the next time are made by then.
      }
      expectAll(sim, expected);
    });

    it(`finds every value again when all tabs were closed and opened (seed ${seed})`, () => {
      const sim = grow(6, { seed });
      const expected = fill(sim, 20);
      const hosts = [...sim.hosts.values()];
      for (const host of hosts) sim.crash(host);
      for (const host of sim.random.sample(hosts, hosts.length)) {
        sim.restart(host);
        sim.run(50);
      }
      settle(sim);
      sim.run(20_000); // Stores that differ are compared in the background.
      expectAll(sim, expected);
    });

    it(`finds each other by name, wherever they stand (seed ${seed})`, () => {
      const sim = grow(12, { seed });
      sim.run(2_000);
      for (const host of sim.members) {
        const result = sim.await(anyone(sim), { type: 'resolve', peer: host.id });
        if (result.type !== 'resolved') throw new Error(result.type);
        expect(result.ref).to.deep.equal(host.peer?.ring.state.self);
      }
    });
  }

  it('halves ranges, so that nobody holds much more than its share', () => {
    for (const count of [2, 4, 8, 16, 32]) {
      const sim = grow(count, { seed: count });
      const widths = sim.members.map(host => {
        const state = host.peer?.ring.state;
        return state ? distance(state.pred.position, state.self.position) || SPACE : 0;
      });
      expect(Math.max(...widths) / (SPACE / count), `${count} peers`).to.be.below(2.2);
    }
  });

  it('looks up in a logarithmic number of hops', () => {
    const sim = grow(64, { seed: 3, hasCodec: false, network: LAN });
    sim.run(10_000);
    const hops: number[] = [];
    for (let i = 0; i < 300; i++) {
      const key = Math.floor(sim.random.next() * SPACE) as never;
      const result = sim.await(anyone(sim), { type: 'lookup', key });
      if (result.type === 'found') hops.push(result.hops);
    }
    expect(hops).to.have.length(300);
    const mean = hops.reduce((sum, next) => sum + next, 0) / hops.length;
    expect(mean).to.be.below(Math.log2(64) / 1.5);
    expect(Math.max(...hops)).to.be.at.most(8);
  });

  it('repeats itself, event for event', () => {
    const run = () => {
      const sim = grow(8, { seed: 42 });
      fill(sim, 5);
      sim.crash(anyone(sim));
      settle(sim);
      return [sim.traceHash, sim.eventCount, sim.nowMs];
    };
    expect(run()).to.deep.equal(run());
  });
});
