import { expect } from 'chai';
import fc from 'fast-check';
import { CODEC_VERSION, decode, DEPTH_MAX, encode, isValue } from '../../src/kernel/codec.ts';
import type { Value } from '../../src/kernel/value.ts';

const text = fc.string({ unit: 'grapheme' });
const { value: anyValue } = fc.letrec<{ value: Value }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => (number === 0 ? 0 : number)),
    fc.integer(),
    text,
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      text.filter(key => key !== '__proto__'),
      tie('value'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
}));

function nested(depth: number): Value {
  let value: Value = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

describe('codec', () => {
  it('gives back what it was given', () => {
    fc.assert(
      fc.property(anyValue, value => {
        expect(isValue(value)).to.equal(true);
        expect(decode(encode(value))?.value).to.deep.equal(value);
      }),
    );
  });

  it('begins with its version, and refuses any other', () => {
    const bytes = encode('hello');
    expect(bytes[0]).to.equal(CODEC_VERSION);
    bytes[0] = CODEC_VERSION + 1;
    expect(decode(bytes)).to.equal(null);
  });

  it('refuses garbage without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), noise => {
        const bytes = Uint8Array.of(CODEC_VERSION, ...noise);
        const decoded = decode(bytes);
        if (decoded) expect(isValue(decoded.value)).to.equal(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses what was cut short or has something behind it', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), (value, at) => {
        const bytes = encode(value);
        if (bytes.length > 2) {
          expect(decode(bytes.subarray(0, 2 + (at % (bytes.length - 2))))).to.equal(null);
        }
        expect(decode(Uint8Array.of(...bytes, 0))).to.equal(null);
      }),
    );
  });

  it('tells what is no value', () => {
    const odd = [
      undefined,
      NaN,
      Infinity,
      10n,
      Symbol('x'),
      () => 1,
      new Date(),
      new Map(),
      '\ud800',
      [undefined],
      { a: undefined },
      { ['\udc00']: 1 },
      Array.from({ length: 4 }).fill(0, 1),
      new Float64Array(2),
      Object.defineProperty({}, '__proto__', { value: 1, enumerable: true }),
    ];
    for (const value of odd) expect(isValue(value), typeof value).to.equal(false);
  });

  it('nests so deep and no deeper', () => {
    expect(isValue(nested(DEPTH_MAX))).to.equal(true);
    expect(isValue(nested(DEPTH_MAX + 1))).to.equal(false);
  });
});
