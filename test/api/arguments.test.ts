import { expect } from 'chai';
import fc from 'fast-check';
import {
  checkDegree,
  checkKey,
  checkNetwork,
  checkSignaling,
  checkTimeout,
  decodeValue,
  encodeValue,
} from '../../src/api/arguments.ts';
import { TabringError, type Value } from '../../src/index.ts';

function refuses(run: () => unknown, what: string): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, what).to.be.instanceOf(TabringError);
  expect((thrown as TabringError).code, what).to.equal('invalid-argument');
}

describe('arguments', () => {
  it('takes keys of 1 to 1,024 bytes of UTF-8, and no others', () => {
    for (const key of ['a', 'ключ', '😀'.repeat(256), 'x'.repeat(1_024), '\0', ' ']) {
      expect(checkKey(key)).to.equal(key);
    }
    const odd = [
      '',
      '\ud800',
      'a\udc00b',
      'x'.repeat(1_025),
      '😀'.repeat(257),
      1,
      null,
      undefined,
      {},
    ];
    for (const key of odd) refuses(() => checkKey(key), String(key).slice(0, 20));
  });

  it('gives every value back as it was', () => {
    const values: Value[] = [
      null,
      true,
      -1.5,
      0,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_VALUE,
      '',
      'ключ 😀',
      new Uint8Array([0, 255]),
      [],
      [1, [2, [null]]],
      {},
      { a: { b: [new Uint8Array(0)] }, '': 'empty' },
    ];
    for (const value of values) expect(decodeValue(encodeValue(value))).to.deep.equal(value);
  });

  it('refuses what is no value', () => {
    const circular: unknown[] = [];
    circular.push(circular);
    const odd = [
      undefined,
      NaN,
      Infinity,
      1n,
      new Date(),
      new Map(),
      '\ud800',
      [undefined],
      circular,
    ];
    for (const value of odd) refuses(() => encodeValue(value), typeof value);
    refuses(() => encodeValue(() => 1), 'function');
    refuses(() => encodeValue({ a: Symbol('x') }), 'symbol');
  });

  it('takes values of up to one MiB encoded', () => {
    const most = 2 ** 20 - 6; // A byte for the version, five for the kind and the length.
    expect(encodeValue(new Uint8Array(most))).to.have.length(2 ** 20);
    refuses(() => encodeValue(new Uint8Array(most + 1)), 'one byte too many');
    refuses(() => encodeValue('x'.repeat(2 ** 20)), 'too long a text');
  });

  it('refuses deadlines, networks, degrees and addresses that make no sense', () => {
    for (const odd of [0, -1, NaN, Infinity, 2 ** 31, '5', null]) {
      refuses(() => checkTimeout(odd, 1), String(odd));
    }
    expect(checkTimeout(undefined, 7)).to.equal(7);
    for (const odd of ['', 'x'.repeat(129), '\ud800', 5, undefined]) {
      refuses(() => checkNetwork(odd), String(odd));
    }
    for (const odd of [0, 9, 2.5, '4', NaN]) refuses(() => checkDegree(odd), String(odd));
    for (const odd of ['ftp://x', 'http://', 'javascript:alert(1)', 'ws://x']) {
      refuses(() => checkSignaling(odd), odd);
    }
    expect(checkSignaling('/signaling')).to.equal(new URL('/signaling', location.href).href);
  });

  it('never throws anything else', () => {
    fc.assert(
      fc.property(fc.anything(), thing => {
        try {
          encodeValue(thing);
        } catch (error) {
          expect(error).to.be.instanceOf(TabringError);
        }
      }),
    );
  });
});
