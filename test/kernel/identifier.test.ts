import { expect } from 'chai';
import fc from 'fast-check';
import {
  distance,
  idOf,
  inClosedOpen,
  inOpenClosed,
  inOpenOpen,
  isId,
  SPACE,
  toId,
  type Id,
} from '../../src/kernel/identifier.ts';

const anyId = fc.integer({ min: 0, max: SPACE - 1 }).map(value => value as Id);
/** Points of a small part of the circle around 0, so that they often meet. */
const nearId = fc.integer({ min: -3, max: 3 }).map(value => toId(value));
const id = fc.oneof(anyId, nearId);

/** Interval membership by walking: the definition that the arithmetic must agree with. */
function walks(from: Id, to: Id, includes: { from: boolean; to: boolean }, x: Id): boolean {
  const steps = distance(from, x);
  const length = from === to ? SPACE : distance(from, to);
  const end = from === to ? includes.to : includes.to;
  if (steps === 0) return from === to ? includes.from || includes.to : includes.from;
  return steps < length || (steps === length && end);
}

describe('identifiers', () => {
  it('places keys as the architecture says, exactly', () => {
    expect(idOf('a')).to.equal(2923620713536683);
    expect(idOf('greeting')).to.equal(360252321338907);
    expect(idOf('ключ')).to.equal(431321316409114);
  });

  it('has a circle that every degree from 1 to 8 divides, with sums that stay exact', () => {
    for (let degree = 1; degree <= 8; degree++) expect(SPACE % degree).to.equal(0);
    expect(2 * SPACE).to.be.below(Number.MAX_SAFE_INTEGER);
  });

  it('maps every text into the circle', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), text => isId(idOf(text))));
  });

  it('measures clockwise: there and back is once round', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        expect(toId(a + distance(a, b))).to.equal(b);
        if (a !== b) expect(distance(a, b) + distance(b, a)).to.equal(SPACE);
      }),
    );
  });

  it('agrees with walking round the circle on every kind of interval', () => {
    fc.assert(
      fc.property(id, id, id, (x, from, to) => {
        expect(inOpenClosed(x, from, to)).to.equal(walks(from, to, { from: false, to: true }, x));
        expect(inClosedOpen(x, from, to)).to.equal(walks(from, to, { from: true, to: false }, x));
        expect(inOpenOpen(x, from, to)).to.equal(walks(from, to, { from: false, to: false }, x));
      }),
    );
  });

  it('does not change when everything is turned by the same angle', () => {
    fc.assert(
      fc.property(id, id, id, anyId, (x, from, to, turn) => {
        const [y, a, b] = [x, from, to].map(value => toId(value + turn)) as [Id, Id, Id];
        expect(inOpenClosed(y, a, b)).to.equal(inOpenClosed(x, from, to));
        expect(inOpenOpen(y, a, b)).to.equal(inOpenOpen(x, from, to));
        expect(inClosedOpen(y, a, b)).to.equal(inClosedOpen(x, from, to));
      }),
    );
  });

  it('gives each point to exactly one of the ranges that cut the circle', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 9 }), id, (positions, x) => {
        const sorted = [...positions].sort((a, b) => a - b);
        const owners = sorted.filter((to, i) => inOpenClosed(x, sorted.at(i - 1) as Id, to));
        expect(owners).to.have.length(1);
      }),
    );
  });

  it('recognises what is no point of the circle', () => {
    for (const odd of [-1, SPACE, 0.5, NaN, Infinity, '1', null, undefined, 1n]) {
      expect(isId(odd), String(odd)).to.equal(false);
    }
  });
});
