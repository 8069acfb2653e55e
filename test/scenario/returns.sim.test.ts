import { expect } from 'chai';
import { Simulation } from '../../src/simulation/index.ts';
import { anyone, expectAll, fill, grow, settle } from './helpers.ts';

/**
 * Goal: peers that come back before anybody has noticed that they were gone, networks so slow that
 * answers come after the question was given up, and everybody going at once. Each of these once
 * left a ring that never became perfect.
 */
describe('peers that return, and slow networks (simulated)', function () {
  this.timeout(120_000);

  for (let seed = 1; seed <= 8; seed++) {
    it(`takes peers back that restart at once (seed ${seed})`, () => {
      const sim = grow(6, { seed });
      const expected = fill(sim, 10);
      for (let i = 0; i < 4; i++) {
        sim.restart(anyone(sim));
        sim.run(sim.random.pick([0, 5, 50, 300, 1_500, 3_000]));
        if (i % 2 === 1) settle(sim);
      }
      settle(sim);
      expectAll(sim, expected);
    });
  }

  for (let seed = 1; seed <= 5; seed++) {
    it(`forms over a network that is slower than its patience (seed ${seed})`, () => {
      const sim = new Simulation({ seed, network: { delayMsMin: 100, delayMsMax: 800 } });
      for (let i = 0; i < 6; i++) {
        sim.addPeer();
        sim.run(i === 0 ? 500 : 50);
      }
      settle(sim, 60_000);
    });

    it(`goes on with the last one when eight of nine crash at once (seed ${seed})`, () => {
      const sim = grow(9, { seed });
      const [last, ...others] = sim.members;
      for (const host of others) sim.crash(host);
      settle(sim);
      expect(sim.members).to.deep.equal([last]);
    });

    it(`lets everybody leave at once (seed ${seed})`, () => {
      const sim = grow(4, { seed });
      for (const host of sim.members) sim.leave(host);
      expect(sim.runUntil(() => sim.livePeers.length === 0, 10_000)).to.equal(true);
    });
  }
});
