import assert from 'node:assert/strict';
import { test } from 'node:test';

test('the elements can be imported where there is no browser', async () => {
  assert.equal(typeof globalThis.document, 'undefined');
  const elements = await import('../../src/elements/index.ts');
  assert.equal(typeof elements.RingView, 'function');
  assert.equal(typeof elements.TabRing, 'function');
});
