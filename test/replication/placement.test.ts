import { expect } from 'chai';
import fc from 'fast-check';
import { idOf, inOpenClosed, randomId, SPACE, toId, type Id } from '../../src/kernel/identifier.ts';
import { Placement } from '../../src/replication/placement.ts';

const placements = [1, 2, 3, 4, 5, 6, 7, 8].flatMap(degree =>
  [1, 4, 16].map(slotCount => new Placement({ degree, slotCount })),
);
const placement = fc.constantFrom(...placements);
const anyId = fc.integer({ min: 0, max: SPACE - 1 }).map(value => value as Id);

/** Points on, just before and just after the anchors, where off-by-one errors live. */
function edges(of: Placement): Id[] {
  return Array.from({ length: of.cellCount }, (_, cell) => of.anchor(cell)).flatMap(anchor =>
    [-1, 0, 1].map(step => toId(anchor + step)),
  );
}

describe('Placement', () => {
  it('cuts the circle into cells, so that each point belongs to exactly one', () => {
    fc.assert(
      fc.property(placement, anyId, (own, id) => {
        const cells = Array.from({ length: own.cellCount }, (_, cell) => cell);
        const holders = cells.filter(cell => {
          const before = own.anchor((cell - 1 + own.cellCount) % own.cellCount);
          return inOpenClosed(id, before, own.anchor(cell));
        });
        expect(holders).to.have.length(1);
      }),
    );
  });

  it('finds the cells of a range as one finds them one by one', () => {
    fc.assert(
      fc.property(placement, fc.nat(), fc.nat(), anyId, fc.boolean(), (own, i, j, id, isEdge) => {
        const points = edges(own);
        const from = points[i % points.length] as Id;
        const to = isEdge ? (points[j % points.length] as Id) : id;
        const cells = Array.from({ length: own.cellCount }, (_, cell) => cell);
        const naive = cells.filter(cell => inOpenClosed(own.anchor(cell), from, to));
        const run = own.cellsIn(from, to);
        const found = run ? [...own.each(run)] : [];
        expect(found).to.have.members(naive);
        if (!run) return;
        expect(own.size(run)).to.equal(naive.length);
        for (const cell of cells) expect(own.includes(run, cell)).to.equal(naive.includes(cell));
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives sorted cells back as runs that hold them and no others', () => {
    fc.assert(
      fc.property(placement, fc.array(fc.nat()), (own, picks) => {
        const cells = [...new Set(picks.map(pick => pick % own.cellCount))];
        const runs = own.runs(cells);
        const back = runs.flatMap(run => [...own.each(run)]);
        expect(back).to.deep.equal([...cells].sort((x, y) => x - y));
        for (let i = 1; i < runs.length; i++) {
          expect(runs[i]!.first, 'runs that touch are one').to.be.above(runs[i - 1]!.last + 1);
        }
      }),
    );
  });

  it('puts the replicas of a key into the cells of its slot, evenly round the circle', () => {
    for (const own of placements) {
      for (const key of ['a', 'greeting', 'ключ']) {
        const slot = own.slotOf(key);
        const positions = own.cellsOf(slot).map((cell, replica) => {
          expect(own.slotOfCell(cell)).to.equal(slot);
          const position = own.position(key, replica);
          const before = own.anchor((cell - 1 + own.cellCount) % own.cellCount);
          expect(inOpenClosed(position, before, own.anchor(cell)), `${key} ${replica}`).to.equal(
            true,
          );
          return position;
        });
        expect(positions).to.include(idOf(key));
      }
    }
  });

  it('has majorities that meet, and recovery quorums that meet every majority', () => {
    for (const own of placements) {
      expect(2 * own.majority).to.be.above(own.degree);
      expect(own.majority + own.recoveryQuorum).to.be.above(own.degree);
      expect(own.majority - 1 + own.recoveryQuorum, 'and no larger').to.equal(own.degree);
    }
  });

  it('gives the whole circle to whoever is alone', () => {
    let draw = 0;
    const id = randomId(() => (draw += 0.3) % 1);
    for (const own of placements) {
      const run = own.cellsIn(id, id);
      expect(run && own.size(run)).to.equal(own.cellCount);
    }
  });
});
