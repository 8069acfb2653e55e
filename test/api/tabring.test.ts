import { expect } from 'chai';
import { Tabring, TabringError, type Change, type JoinOptions } from '../../src/index.ts';
import { MemoryStore } from '../../src/runtime/store/memory-store.ts';

let networks = 0;
const open: Tabring[] = [];

async function join(options: Partial<JoinOptions> = {}): Promise<Tabring> {
  const network = `api-${performance.timeOrigin}-${networks++}`;
  const ring = await Tabring.join({ network, store: 'memory', ...options });
  open.push(ring);
  return ring;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'it did not reject';
  } catch (error) {
    return error instanceof TabringError ? error.code : `not a TabringError: ${String(error)}`;
  }
}

/** A disk with a switch: as long as it is full, it takes nothing. */
class FullStore extends MemoryStore {
  isFull = false;

  override async write(changes: readonly Change[], durability: 'strict' | 'relaxed') {
    if (this.isFull) throw new TabringError('store-full', 'no room');
    return super.write(changes, durability);
  }
}

describe('Tabring in one page', function () {
  this.timeout(30_000);
  afterEach(() => Promise.all(open.splice(0).map(ring => ring.leave({ timeoutMs: 2_000 }))));

  it('stores, reads and deletes as a ring of one', async () => {
    const ring = await join();
    expect(ring.status).to.equal('alone');
    expect(await ring.get('greeting')).to.equal(undefined);
    await ring.put('greeting', { text: 'hello', bytes: new Uint8Array([1, 2]) });
    expect(await ring.get('greeting')).to.deep.equal({
      text: 'hello',
      bytes: new Uint8Array([1, 2]),
    });
    expect(await ring.get('greeting', { consistency: 'local' })).to.have.property('text', 'hello');
    await ring.delete('greeting');
    expect(await ring.get('greeting')).to.equal(undefined);
    await ring.put('greeting', null);
    expect(await ring.get('greeting')).to.equal(null);
  });

  it('tells where a key stands, who holds it, and who is there', async () => {
    const ring = await join();
    await ring.put('a', 1);
    const { position, owner, hops } = await ring.lookup('a');
    expect(position).to.equal(2923620713536683);
    expect(owner.peer).to.equal(ring.id);
    expect(hops).to.equal(0);
    const replicas = await ring.replicas('a');
    expect(replicas.map(({ state, version }) => `${state} ${version}`)).to.deep.equal(
      Array.from({ length: 4 }, () => 'active 1'),
    );
    expect(replicas.map(replica => replica.position)).to.include(position);
    expect(await ring.find(ring.id)).to.deep.equal(owner);
    expect((await ring.survey()).map(({ ref }) => ref.peer)).to.deep.equal([ring.id]);
    expect(ring.snapshot()).to.deep.include({ status: 'alone', network: ring.network });
  });

  it('is a ring of two with another peer of the same page', async () => {
    const first = await join();
    const second = await join({ network: first.network });
    await first.put('greeting', 'hello');
    expect(await second.get('greeting')).to.equal('hello');
    expect(second.snapshot().succ?.peer).to.equal(first.id);
    expect((await first.survey()).length).to.equal(2);
    expect((await first.find(second.id))?.peer).to.equal(second.id);
    await second.put('greeting', 'and back');
    await second.leave();
    expect(await first.get('greeting')).to.equal('and back');
  });

  it('tells of changes by events, and stops when told to', async () => {
    const ring = await join();
    const seen: string[] = [];
    const stop = ring.on('statuschange', ({ status }) => seen.push(status));
    await ring.leave();
    expect(seen).to.deep.equal(['left']);
    stop();
  });

  it('refuses calls after it has left, and leaving again does nothing', async () => {
    const ring = await join();
    await ring.leave();
    await ring.leave();
    expect(ring.status).to.equal('left');
    expect(await codeOf(ring.get('a'))).to.equal('left');
    expect(await codeOf(ring.put('a', 1))).to.equal('left');
  });

  it('refuses bad arguments before anything happens', async () => {
    const ring = await join();
    expect(await codeOf(ring.put('', 1))).to.equal('invalid-argument');
    expect(await codeOf(ring.put('a', NaN))).to.equal('invalid-argument');
    expect(await codeOf(ring.put('a', new Uint8Array(2 ** 20)))).to.equal('invalid-argument');
    expect(await codeOf(ring.get('x'.repeat(1_025)))).to.equal('invalid-argument');
    expect(await codeOf(ring.get('a', { timeoutMs: -1 }))).to.equal('invalid-argument');
    expect(await codeOf(ring.get('a', { consistency: 'odd' as 'local' }))).to.equal(
      'invalid-argument',
    );
    expect(await codeOf(join({ network: '' }))).to.equal('invalid-argument');
    expect(await codeOf(join({ replicationDegree: 9 }))).to.equal('invalid-argument');
    expect(await codeOf(join({ signaling: 'nowhere:' }))).to.equal('invalid-argument');
    expect(await codeOf(join({ store: 'disk' as 'memory' }))).to.equal('invalid-argument');
    expect(await ring.get('a')).to.equal(undefined);
  });

  it('ends calls by their signal', async () => {
    const ring = await join();
    expect(await codeOf(ring.get('a', { signal: AbortSignal.abort() }))).to.equal('aborted');
    expect(await codeOf(join({ signal: AbortSignal.abort() }))).to.equal('aborted');
    const controller = new AbortController();
    const joining = codeOf(join({ signal: controller.signal, signaling: 'http://127.0.0.1:9/' }));
    controller.abort();
    expect(await joining).to.equal('aborted');
  });

  it('says so when the signaling address does not answer', async () => {
    expect(await codeOf(join({ signaling: 'http://127.0.0.1:9/signaling' }))).to.equal(
      'signaling-unreachable',
    );
  });

  it('says so when the disk is full, and loses nothing that was there', async () => {
    const store = new FullStore();
    const ring = await join({ store });
    const problems: string[] = [];
    ring.on('problem', ({ error }) => problems.push(error.code));
    await ring.put('before', 'kept');
    store.isFull = true;
    expect(await codeOf(ring.put('meanwhile', 'too much'))).to.equal('store-full');
    expect(problems).to.include('store-full');
    expect(await ring.get('before', { consistency: 'local' })).to.equal('kept');
    store.isFull = false;
    await ring.put('after', 'fits again');
    expect(await ring.get('before')).to.equal('kept');
    expect(await ring.get('after')).to.equal('fits again');
  });

  it('rejects when IndexedDB is refused', async () => {
    const refuse = () => {
      throw new DOMException('refused', 'SecurityError');
    };
    const own = Object.getOwnPropertyDescriptor(IDBFactory.prototype, 'open');
    IDBFactory.prototype.open = refuse;
    try {
      expect(await codeOf(join({ store: 'indexeddb' }))).to.equal('store-failed');
    } finally {
      if (own) Object.defineProperty(IDBFactory.prototype, 'open', own);
    }
  });
});
