import { expect } from 'chai';
import fc from 'fast-check';
import { distance, SPACE, type Id } from '../../src/kernel/identifier.ts';
import type { PeerId, PeerRef } from '../../src/kernel/machine.ts';
import { RingState, SUCCESSOR_COUNT } from '../../src/ring/ring-state.ts';

function ref(name: string, position: number, incarnation = 1): PeerRef {
  return { peer: name as PeerId, incarnation, position: position as Id };
}

const self = ref('self', 1_000);

describe('RingState', () => {
  it('keeps successors in clockwise order, each once in its newest run, none of them gone', () => {
    const anyRef = fc
      .tuple(fc.nat(19), fc.integer({ min: 0, max: SPACE - 1 }), fc.integer({ min: 1, max: 3 }))
      .map(([name, position, incarnation]) => ref(`p${name}`, position, incarnation));
    fc.assert(
      fc.property(fc.array(anyRef, { maxLength: 30 }), fc.nat(19), (refs, goneName) => {
        const state = new RingState(self);
        state.markGone(`p${goneName}` as PeerId, 2, Infinity);
        const kept = state.trimSuccessors([...refs, self]);
        expect(kept.length).to.be.at.most(SUCCESSOR_COUNT);
        expect(new Set(kept.map(({ peer }) => peer)).size).to.equal(kept.length);
        const steps = kept.map(({ position }) => distance(self.position, position));
        expect(steps).to.deep.equal([...steps].sort((x, y) => x - y));
        for (const one of kept) {
          expect(state.isSelf(one) || state.isGone(one)).to.equal(false);
          const runs = refs.filter(({ peer }) => peer === one.peer);
          expect(one.incarnation).to.equal(Math.max(...runs.map(run => run.incarnation)));
        }
        const usable = new Set(refs.filter(one => !state.isGone(one)).map(({ peer }) => peer));
        expect(kept.length).to.equal(Math.min(usable.size, SUCCESSOR_COUNT));
      }),
    );
  });

  it('names the nearest peer after another as a better successor than itself', () => {
    const state = new RingState(self);
    for (const one of [ref('x', 300), ref('y', 600), ref('z', 900)]) {
      state.predList.set(one.peer, one);
    }
    state.pred = ref('z', 900);
    expect(state.closerThanSelf(ref('x', 300))?.peer).to.equal('y');
    expect(state.closerThanSelf(ref('q', 700))?.peer).to.equal('z');
    expect(state.closerThanSelf(ref('q', 950))).to.equal(null);
  });

  it('names nobody who is gone, and no predecessor that is suspected', () => {
    const state = new RingState(self);
    state.pred = ref('z', 900);
    expect(state.closerThanSelf(ref('q', 100))?.peer).to.equal('z');
    state.isPredSuspected = true;
    expect(state.closerThanSelf(ref('q', 100))).to.equal(null);
    state.predList.set('y' as PeerId, ref('y', 600));
    state.markGone('y' as PeerId, 1, 5_000);
    expect(state.closerThanSelf(ref('q', 100))).to.equal(null);
  });

  it('forgets what was concluded when its time is up, but no peer’s own word', () => {
    const state = new RingState(self);
    state.markGone('x' as PeerId, 1, 5_000);
    state.markGone('y' as PeerId, 1, Infinity);
    state.forgetGone(4_999);
    expect(state.isGone(ref('x', 1))).to.equal(true);
    state.forgetGone(5_000);
    expect(state.isGone(ref('x', 1))).to.equal(false);
    state.markGone('y' as PeerId, 1, 6_000); // A conclusion does not shorten it.
    state.forgetGone(7_000);
    expect(state.isGone(ref('y', 1))).to.equal(true);
    expect(state.isGone(ref('y', 1, 2)), 'its next run').to.equal(false);
  });

  it('answers for (pred, self] as a member, and for nothing while it leaves', () => {
    const state = new RingState(self);
    state.pred = ref('z', 900);
    expect(state.isResponsible(1_000 as Id), 'idle').to.equal(false);
    state.standing = 'member';
    expect([900, 901, 1_000, 1_001].map(id => state.isResponsible(id as Id))).to.deep.equal([
      false,
      true,
      true,
      false,
    ]);
    state.standing = 'leaving';
    expect(state.isResponsible(1_000 as Id)).to.equal(false);
  });
});
