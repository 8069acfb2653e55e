import { expect } from 'chai';
import type { PeerId } from '../../../src/kernel/machine.ts';
import { MemoryDisk, MemoryStore } from '../../../src/runtime/store/memory-store.ts';
import { runStoreConformance } from '../../conformance/store.ts';

runStoreConformance('MemoryStore', async () => {
  const disk = new MemoryDisk();
  return { next: () => new MemoryStore(disk), dispose: async () => {} };
});

describe('MemoryStore', () => {
  it('has an identity of its own unless it is given one', async () => {
    const [one, two] = await Promise.all([new MemoryStore().open(), new MemoryStore().open()]);
    expect(one.peer).to.match(/^[\w-]{22}$/);
    expect(one.peer).not.to.equal(two.peer);
    const given = new MemoryStore(new MemoryDisk('me' as PeerId));
    expect((await given.open()).peer).to.equal('me');
    expect(given.kind).to.equal('memory');
  });
});
