import { expect } from 'chai';
import { toId } from '../../src/kernel/identifier.ts';
import type { PeerId } from '../../src/kernel/machine.ts';
import { OverlapCounter } from '../../src/simulation/checks.ts';
import { Simulation, type SimulatedPeer } from '../../src/simulation/index.ts';
import { anyone, expectAll, fill, grow, put, settle } from './helpers.ts';

function hostOf(sim: Simulation, peer: PeerId): SimulatedPeer {
  return sim.hosts.get(peer)!;
}

/** A peer and the one that follows it. */
function neighbours(sim: Simulation): [SimulatedPeer, SimulatedPeer] {
  const first = anyone(sim);
  return [first, hostOf(sim, first.peer!.ring.state.succ.peer)];
}

/**
 * Goal: no moment of a join or leave is a bad one to crash at. Method: the same run again and
 * again, each time with the crash some steps later, until the ring is settled before it comes.
 */
function crashAtEveryStep(kind: 'join' | 'leave', who: 'mover' | 'pred' | 'succ'): void {
  const run = (at: number, victim: PeerId | null) => {
    const sim = grow(4, { seed: 3, hasCodec: false });
    const expected = fill(sim, 3);
    const mover = kind === 'join' ? sim.addPeer() : anyone(sim);
    if (kind === 'leave' && victim !== null) sim.leave(mover);
    let steps = 0;
    let didCrash = false;
    sim.onStep.push(() => {
      if (++steps !== at || victim === null) return;
      didCrash = true;
      sim.after(0, () => sim.crash(hostOf(sim, victim)));
    });
    settle(sim);
    sim.onStep.length = 0;
    if (didCrash) settle(sim); // The crash came with the last step of all.
    expectAll(sim, expected);
    return { mover, didCrash };
  };
  const { mover } = run(0, null); // To learn who the neighbours are.
  const { pred, succ } = mover.peer!.ring.state;
  const stride = kind === 'join' ? 13 : 5;
  let crashCount = 0;
  const victim = { mover: mover.id, pred: pred.peer, succ: succ.peer }[who];
  for (let at = 1; run(at, victim).didCrash; at += stride) crashCount += 1;
  expect(crashCount, 'moments that were tried').to.be.at.least(4);
}

describe('adversity (simulated)', function () {
  this.timeout(120_000);

  for (const who of ['mover', 'pred', 'succ'] as const) {
    it(`heals whenever in a join the ${who} crashes`, () => crashAtEveryStep('join', who));
    it(`heals whenever in a leave the ${who} crashes`, () => crashAtEveryStep('leave', who));
  }

  it('takes forty in at once, without overlaps, and keeps what the first one had', () => {
    const sim = new Simulation({ seed: 1 });
    const overlaps = new OverlapCounter(sim);
    sim.addPeer();
    sim.run(500);
    const expected = fill(sim, 15);
    for (let i = 0; i < 39; i++) sim.addPeer();
    settle(sim);
    expect(overlaps.count).to.equal(0);
    expectAll(sim, expected);
  });

  it('gives two peers that want the same position one each', () => {
    const sim = grow(4, { seed: 2 });
    const { pred, self } = anyone(sim).peer!.ring.state;
    const position = toId(self.position - 1_000);
    expect(position).to.not.equal(pred.position);
    const twins = [sim.addPeer({ position }), sim.addPeer({ position })];
    settle(sim);
    const places = twins.map(twin => twin.peer!.ring.state.self.position);
    expect(new Set(places).size).to.equal(2);
    expect(places).to.include(position);
  });

  for (let seed = 1; seed <= 4; seed++) {
    it(`closes the gap when two neighbours crash at once (seed ${seed})`, () => {
      const sim = grow(8, { seed });
      for (const host of neighbours(sim)) sim.crash(host);
      settle(sim);
      expect(sim.members).to.have.length(6);
    });

    it(`loses nothing when two neighbours leave at once (seed ${seed})`, () => {
      const sim = grow(8, { seed });
      const expected = fill(sim, 10);
      for (const host of neighbours(sim)) sim.leave(host);
      expect(sim.runUntil(() => sim.livePeers.length === 6, 20_000)).to.equal(true);
      settle(sim);
      expectAll(sim, expected);
    });
  }

  for (const count of [2, 3, 5]) {
    it(`goes on alone when all others of ${count} crash at once`, () => {
      const sim = grow(count, { seed: count });
      const last = anyone(sim);
      for (const host of sim.livePeers) if (host !== last) sim.crash(host);
      settle(sim);
      put(sim, last, 'key', 'written alone');
    });
  }

  for (const degree of [2, 3, 5, 6, 7, 8]) {
    it(`keeps every value while peers join and leave, at degree ${degree}`, () => {
      const sim = new Simulation({ seed: degree, degree });
      sim.addPeer();
      sim.run(500);
      const expected = fill(sim, 10);
      for (let i = 0; i < 5; i++) sim.addPeer();
      settle(sim);
      expectAll(sim, expected);
      sim.leave(anyone(sim));
      expect(sim.runUntil(() => sim.livePeers.length === 5, 20_000)).to.equal(true);
      settle(sim);
      expectAll(sim, expected);
    });
  }

  it('hands more than one portion over, and what is written meanwhile', () => {
    const sim = grow(2, { seed: 4, hasCodec: false });
    const expected = new Map<string, string>();
    for (let i = 0; i < 24; i++) expected.set(`big-${i}`, `${i}`.padEnd(60_000, '.'));
    for (const [key, value] of expected) put(sim, anyone(sim), key, value);
    let portions = 0;
    sim.onSend.push((_, message) => {
      if (message.type !== 'route.answer' || message.payload.type !== 'replica.pullOk') return;
      if (!message.payload.isComplete) portions += 1;
    });
    for (const key of ['big-0', 'big-7']) {
      sim.addPeer();
      sim.run(60);
      put(sim, anyone(sim), key, 'changed on the way');
      expected.set(key, 'changed on the way');
    }
    settle(sim);
    expect(portions, 'portions before the last').to.be.above(0);
    expectAll(sim, expected);
  });
});
