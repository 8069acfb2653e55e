import { expect } from 'chai';
import fc from 'fast-check';
import { SPACE, type Id } from '../../src/kernel/identifier.ts';
import {
  angleOf,
  arcPath,
  normalise,
  pointAt,
  shortestTurn,
  TURN,
} from '../../src/elements/ring-view/circle.ts';
import { boxAround, placeLabels } from '../../src/elements/ring-view/labels.ts';
import { spread, warp } from '../../src/elements/ring-view/spread.ts';
import { shortName, shortNames } from '../../src/elements/shared/names.ts';

const angles = fc
  .array(fc.double({ min: 0, max: TURN, maxExcluded: true, noNaN: true }), {
    minLength: 2,
    maxLength: 40,
  })
  .map(list => list.toSorted((a, b) => a - b));

/** Turns from each angle to the next, clockwise. */
function steps(list: readonly number[]): number[] {
  return list.map((angle, i) => normalise(list[(i + 1) % list.length]! - angle));
}

describe('the circle of the ring view', () => {
  it('puts identifiers clockwise, from 0 at the top', () => {
    expect(angleOf(0 as Id)).to.equal(0);
    expect(angleOf((SPACE / 4) as Id)).to.be.closeTo(TURN / 4, 1e-12);
    const right = pointAt(TURN / 4, 100);
    expect(right.x).to.be.closeTo(100, 1e-9);
    expect(right.y).to.be.closeTo(0, 1e-9);
  });

  it('turns by the shorter way', () => {
    expect(shortestTurn(0.1, TURN - 0.1)).to.be.closeTo(-0.2, 1e-12);
    expect(shortestTurn(TURN - 0.1, 0.1)).to.be.closeTo(0.2, 1e-12);
  });

  it('draws a whole circle in two halves, since one arc between equal points is nothing', () => {
    expect(arcPath(0, TURN, 10).match(/A/g)).to.have.length(2);
    expect(arcPath(0, 1, 10).match(/A/g)).to.have.length(1);
  });
});

describe('spread', () => {
  it('leaves peers alone that are far enough from each other', () => {
    const exact = [0.5, 1.5, 3, 5];
    spread(exact, [0.2, 0.2, 0.2, 0.2]).forEach((angle, i) =>
      expect(angle).to.be.closeTo(exact[i]!, 1e-9),
    );
  });

  it('moves two peers at one place apart, by the same amount to both sides', () => {
    const [first, second] = spread([1, 1], [0.2, 0.2]);
    expect(first).to.be.closeTo(0.9, 1e-9);
    expect(second).to.be.closeTo(1.1, 1e-9);
  });

  it('keeps the gaps it was asked for, wherever the peers are (property)', () => {
    const gap = 0.1; // Forty of them fit into a turn.
    fc.assert(
      fc.property(angles, exact => {
        const shown = spread(
          exact,
          exact.map(() => gap),
        );
        for (const step of steps(shown)) expect(step).to.be.at.least(gap - 1e-6);
      }),
    );
  });

  it('keeps the order round the circle: all steps together make one turn (property)', () => {
    fc.assert(
      fc.property(angles, fc.double({ min: 0.01, max: 2, noNaN: true }), (exact, gap) => {
        const shown = spread(
          exact,
          exact.map(() => gap),
        );
        const total = steps(shown).reduce((sum, step) => sum + step, 0);
        expect(total).to.be.closeTo(TURN, 1e-6);
      }),
    );
  });
});

describe('warp', () => {
  it('keeps what lies between two peers between them (property)', () => {
    const inside = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(angles, inside, fc.nat(), (exact, part, pick) => {
        const shown = spread(
          exact,
          exact.map(() => 0.1),
        );
        const i = pick % exact.length;
        const span = steps(exact)[i]!;
        fc.pre(span > 1e-6);
        const carried = warp(exact, shown)(normalise(exact[i]! + span * part));
        const turned = normalise(carried - shown[i]!);
        expect(turned).to.be.at.most(steps(shown)[i]! + 1e-6);
      }),
    );
  });
});

describe('placeLabels', () => {
  const options = {
    metrics: { charPx: 7, linePx: 15 },
    bounds: boxAround({ x: 0, y: 0 }, 400, 400),
  };
  const request = (subject: string, angle: number, priority = 0) => ({
    subject,
    lines: [subject],
    places: [{ angle, radius: 120 }],
    priority,
  });

  it('leaves out what would cover a label of more importance', () => {
    const placed = placeLabels([request('aaaa', 1), request('bbbb', 1.01, 5)], [], options);
    expect(placed.map(({ subject }) => subject)).to.deep.equal(['bbbb']);
  });

  it('goes farther out where something is in the way', () => {
    const inTheWay = { centre: pointAt(1, 125), radius: 4 };
    const near = placeLabels([request('aaaa', 1)], [inTheWay], options);
    expect(near).to.deep.equal([]);
    const places = [120, 140].map(radius => ({ angle: 1, radius }));
    const far = placeLabels([{ ...request('aaaa', 1), places }], [inTheWay], options);
    expect(far).to.have.length(1);
  });

  it('leaves out what would stick out of the drawing', () => {
    const places = [{ angle: 1, radius: 300 }];
    const placed = placeLabels([{ ...request('aaaa', 1), places }], [], options);
    expect(placed).to.deep.equal([]);
  });
});

describe('the names of peers', () => {
  it('are as short as tells them apart, and all of one length', () => {
    const names = shortNames(['abcdef01', 'abcdff02', '12345678']);
    expect([...names.values()]).to.deep.equal(['abcde', 'abcdf', '12345']);
  });

  it('end at eight characters even where that does not tell them apart', () => {
    const names = shortNames(['same-same-1', 'same-same-2']);
    expect([...names.values()]).to.deep.equal(['same-sam', 'same-sam']);
  });

  it('show nothing that is invisible or turns the text around it', () => {
    expect(shortName('\u202Ea\u0000 b')).to.equal('·a··');
  });
});
