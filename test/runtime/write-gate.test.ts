import { expect } from 'chai';
import { TabringError } from '../../src/kernel/errors.ts';
import type { Change, Durability, PeerId } from '../../src/kernel/machine.ts';
import type { PeerMessage } from '../../src/peer/protocol.ts';
import { Placement } from '../../src/replication/placement.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { MemoryStore } from '../../src/runtime/store/memory-store.ts';
import { WriteGate } from '../../src/runtime/write-gate.ts';

const OTHER = 'other' as PeerId;
const FULL = new TabringError('store-full', 'no room');
const placement = new Placement({ degree: 4, slotCount: 1_024 });
const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve));

/** A store with a switch. `written` is what it took, in order. */
class SwitchedStore extends MemoryStore {
  problem: TabringError | null = null;
  readonly written: unknown[] = [];

  override async write(changes: readonly Change[], durability: Durability): Promise<void> {
    if (this.problem) throw this.problem;
    await super.write(changes, durability);
    this.written.push(...changes.map(({ key, value }) => value && key));
  }
}

/** A clock that stands still until it is told to ring. */
class StillClock implements Clock {
  readonly alarms = new Set<() => void>();
  now(): number {
    return 0;
  }
  after(_delayMs: number, callback: () => void): () => void {
    this.alarms.add(callback);
    return () => this.alarms.delete(callback);
  }
  ring(): void {
    for (const callback of this.alarms) {
      this.alarms.delete(callback);
      callback();
    }
  }
}

async function setUp() {
  const store = new SwitchedStore();
  await store.open();
  const clock = new StillClock();
  const sent: PeerMessage[] = [];
  const told: string[] = [];
  const gate = new WriteGate({
    store,
    clock,
    placement: () => placement,
    send: (_, message) => sent.push(message),
    count: () => undefined,
    onFull: error => told.push(error.code),
    onRoom: () => told.push('room'),
    onLost: error => told.push(`lost: ${error.code}`),
  });
  return { gate, store, clock, sent, told };
}

function change(key: string, bytes = 1): Change {
  const version = { counter: 1, writer: OTHER, incarnation: 1 };
  return { table: 'items', key, value: { key, version, value: new Uint8Array(bytes) } };
}

/** The answer to a write of this key. */
function writeOk(key: string): PeerMessage {
  const cell = placement.cellsOf(placement.slotOf(key))[0]!;
  const payload = { type: 'replica.writeOk', cell } as const;
  return { type: 'route.answer', request: 1, trail: [OTHER], payload };
}

describe('WriteGate', () => {
  it('holds a promise until what was written before it is durable, and nothing else', async () => {
    const { gate, sent } = await setUp();
    const ping: PeerMessage = { type: 'detector.ping', sentMs: 1 };
    gate.write([change('a')], 'strict');
    gate.send(OTHER, writeOk('a'));
    gate.send(OTHER, ping);
    expect(sent).to.deep.equal([ping]);
    await turn();
    expect(sent).to.deep.equal([ping, writeOk('a')]);
    gate.send(OTHER, writeOk('a'));
    expect(sent).to.have.length(3);
  });

  it('promises nothing of what a full store refused, however often it is asked', async () => {
    const { gate, store, sent, told } = await setUp();
    store.problem = FULL;
    gate.write([change('a')], 'strict');
    gate.send(OTHER, writeOk('a'));
    gate.send(OTHER, writeOk('b'));
    await turn();
    gate.send(OTHER, writeOk('a')); // The same request once more: nothing is written for it.
    gate.send(OTHER, writeOk('b'));
    expect(sent).to.deep.equal([writeOk('b'), writeOk('b')]);
    expect(told).to.deep.equal(['store-full']);
  });

  it('writes all that was refused in order once there is room, and then keeps its promises', async () => {
    const { gate, store, clock, sent, told } = await setUp();
    gate.write([change('before')], 'strict');
    await turn();
    store.problem = FULL;
    for (const key of ['a', 'b']) gate.write([change(key)], 'strict');
    gate.send(OTHER, writeOk('b'));
    await turn();
    clock.ring();
    await turn();
    expect(sent).to.deep.equal([]);
    expect(told).to.deep.equal(['store-full', 'store-full']);
    store.problem = null;
    clock.ring();
    await turn();
    expect(store.written).to.deep.equal(['before', 'a', 'b']);
    expect(sent).to.deep.equal([writeOk('b')]);
    expect(told.at(-1)).to.equal('room');
    expect(clock.alarms.size).to.equal(0);
    gate.write([change('after')], 'strict');
    gate.send(OTHER, writeOk('after'));
    await turn();
    expect(store.written.at(-1)).to.equal('after');
    expect(sent.at(-1)).to.deep.equal(writeOk('after'));
  });

  it('tries again at once when more is to be written', async () => {
    const { gate, store, sent } = await setUp();
    store.problem = FULL;
    gate.write([change('a')], 'strict');
    await turn();
    store.problem = null;
    gate.write([change('b')], 'strict');
    gate.send(OTHER, writeOk('b'));
    gate.write([change('c')], 'strict'); // While it tries.
    gate.send(OTHER, writeOk('c'));
    await turn();
    expect(store.written).to.deep.equal(['a', 'b', 'c']);
    expect(sent).to.deep.equal([writeOk('b'), writeOk('c')]);
  });

  it('gives up a store that fails, has another owner, or is full for too long', async () => {
    for (const [code, expected] of [
      ['store-failed', 'lost: store-failed'],
      ['superseded', 'lost: superseded'],
    ] as const) {
      const { gate, store, told } = await setUp();
      store.problem = new TabringError(code, 'of no use');
      gate.write([change('a')], 'strict');
      await turn();
      expect(told).to.deep.equal([expected]);
    }
    const { gate, store, told } = await setUp();
    store.problem = FULL;
    for (let i = 0; i < 40; i++) {
      gate.write([change(`${i}`, 2 ** 20)], 'strict');
      await turn();
    }
    expect(told).to.include('lost: store-full');
  });

  it('says nothing more when it is stopped', async () => {
    const { gate, store, clock, sent, told } = await setUp();
    store.problem = FULL;
    gate.write([change('a')], 'strict');
    gate.send(OTHER, writeOk('a'));
    gate.stop();
    await turn();
    store.problem = null;
    clock.ring();
    await turn();
    expect(sent).to.deep.equal([]);
    expect(told).to.deep.equal([]);
  });
});
