import { expect } from 'chai';
import { TabringError } from '../../../src/kernel/errors.ts';
import type { Change, Durability } from '../../../src/kernel/machine.ts';
import { WriteQueue } from '../../../src/runtime/store/write-queue.ts';
import { codeOf, put } from '../../conformance/store.ts';

/** A disk whose commits end when the test says so. */
function slowDisk() {
  const commits: { changes: readonly Change[]; durability: Durability }[] = [];
  const ends: { resolve: () => void; reject: (error: TabringError) => void }[] = [];
  const commit = (changes: readonly Change[], durability: Durability): Promise<void> =>
    new Promise((resolve, reject) => {
      commits.push({ changes, durability });
      ends.push({ resolve, reject });
    });
  return { queue: new WriteQueue(commit), commits, ends };
}

const FULL = new TabringError('store-full', 'a full disk');
const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve));

describe('WriteQueue', () => {
  it('begins at once, and groups all that comes meanwhile', async () => {
    const { queue, commits, ends } = slowDisk();
    const writes = [1, 2, 3].map(i =>
      queue.write([put('items', 'k', i)], i === 2 ? 'strict' : 'relaxed'),
    );
    expect(commits).to.deep.equal([{ changes: [put('items', 'k', 1)], durability: 'relaxed' }]);
    ends[0]!.resolve();
    await writes[0];
    await turn();
    const changes = [put('items', 'k', 2), put('items', 'k', 3)];
    expect(commits[1]).to.deep.equal({ changes, durability: 'strict' });
    ends[1]!.resolve();
    await Promise.all(writes);
    await queue.drain();
  });

  it('bounds a group, but not a single write', async () => {
    const { queue, commits, ends } = slowDisk();
    const sizes = [1, 600, 300, 200, 5_000, 1];
    const writes = sizes.map(size =>
      queue.write(Array<Change>(size).fill(put('items', 'k', 1)), 'relaxed'),
    );
    for (let i = 0; i < 5; i++) {
      ends[i]!.resolve();
      await turn();
    }
    await Promise.all(writes);
    expect(commits.map(({ changes }) => changes.length)).to.deep.equal([1, 900, 200, 5_000, 1]);
  });

  it('commits nothing behind a failed write', async () => {
    const { queue, commits, ends } = slowDisk();
    const codes = [1, 2, 3].map(i => codeOf(queue.write([put('items', 'k', i)], 'strict')));
    ends[0]!.reject(FULL);
    expect(await Promise.all(codes)).to.deep.equal(['store-full', 'store-full', 'store-full']);
    expect(await codeOf(queue.write([], 'relaxed'))).to.equal('store-full');
    expect(queue.failure).to.equal(FULL);
    expect(commits).to.have.length(1);
    await queue.drain();
  });

  it('gives the first reason, however it fails afterwards', async () => {
    const { queue, ends } = slowDisk();
    const code = codeOf(queue.write([], 'strict'));
    queue.fail(FULL);
    queue.fail(new TabringError('store-failed', 'later'));
    ends[0]!.reject(new TabringError('store-failed', 'the commit under way'));
    expect(await code).to.equal('store-failed');
    expect(await codeOf(queue.write([], 'strict'))).to.equal('store-full');
  });

  it('drains when a commit under way ends, well or not', async () => {
    const { queue, ends } = slowDisk();
    const code = codeOf(queue.write([], 'strict'));
    const drained = queue.drain();
    ends[0]!.reject(FULL);
    await drained;
    expect(await code).to.equal('store-full');
  });
});
