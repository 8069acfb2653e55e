import { expect } from 'chai';
import { CODEC_VERSION, encode } from '../../src/kernel/codec.ts';
import type { Value } from '../../src/kernel/value.ts';
import type { PeerId } from '../../src/kernel/machine.ts';
import { decodeMessage, encodeMessage, type PeerMessage } from '../../src/peer/protocol.ts';
import type { Peer } from '../../src/peer/peer.ts';
import { Random, type Simulation } from '../../src/simulation/index.ts';
import { anyone, expectAll, fill, grow, settle } from '../scenario/helpers.ts';

/** All that a message could have changed: neighbours, fingers, cells, items. */
function stateOf(peer: Peer): string {
  const { self, pred, succ, successors, chain, predList, standing } = peer.ring.state;
  const keeper = peer.keeper;
  return JSON.stringify([
    { self, pred, succ, successors, chain, predList: [...predList], standing },
    peer.fingers.fingers,
    [...peer.links.openLinks.keys()],
    keeper && [keeper.cellsIn('active').length, keeper.items.size, keeper.items.sequence],
  ]);
}

function someoneLinkedTo(peer: Peer): PeerId {
  const [linked] = peer.links.openLinks.keys();
  if (linked === undefined) throw new Error('a peer of a ring has links');
  return linked;
}

/** Messages that really went over a link. */
function recordMessages(sim: Simulation): Uint8Array[] {
  const recorded: Uint8Array[] = [];
  sim.onSend.push((_, message) => {
    if (recorded.length < 2_000) recorded.push(encodeMessage(message));
  });
  return recorded;
}

/** Changes one thing somewhere inside a message. */
function mutate(value: Value, random: Random): Value {
  const odd = [
    null,
    -1,
    2 ** 53,
    0.5,
    '',
    'x'.repeat(70),
    [],
    {},
    new Uint8Array(3),
    true,
  ] as Value[];
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
    return random.pick(odd);
  }
  if (random.next() < 0.1) return random.pick(odd);
  if (Array.isArray(value)) {
    const copy = [...(value as readonly Value[])];
    if (copy.length === 0) return [random.pick(odd)];
    const index = random.below(copy.length);
    copy[index] = mutate(copy[index] as Value, random);
    return copy;
  }
  const copy: Record<string, Value> = { ...(value as Record<string, Value>) };
  const key = random.pick(
    Object.keys(copy)
      .filter(name => name !== 'type')
      .concat('extra'),
  );
  if (random.next() < 0.2) delete copy[key];
  else copy[key] = mutate(copy[key] ?? null, random);
  return copy;
}

describe('a peer that is sent garbage over an open link', function () {
  this.timeout(120_000);

  it('drops and counts bytes that are no message, and nothing in it changes', () => {
    const sim = grow(5, { seed: 1 });
    const random = new Random(5);
    const peer = anyone(sim).peer!;
    const from = someoneLinkedTo(peer);
    const before = stateOf(peer);
    const count = () => peer.counters.get('message.malformed') ?? 0;
    for (let i = 0; i < 5_000; i++) {
      const bytes = Uint8Array.from({ length: random.below(80) }, () => random.below(256));
      if (random.next() < 0.7 && bytes.length > 0) bytes[0] = CODEC_VERSION;
      const had = count();
      const effects = peer.step({ type: 'message', from, bytes });
      expect(count()).to.equal(had + 1);
      expect(effects).to.deep.equal([]);
    }
    expect(stateOf(peer)).to.equal(before);
  });

  it('drops and counts messages with one thing wrong in them', () => {
    const sim = grow(6, { seed: 2 });
    const recorded = recordMessages(sim);
    fill(sim, 10);
    sim.crash(anyone(sim));
    sim.addPeer();
    settle(sim);
    const random = new Random(6);
    const types = new Set(recorded.map(bytes => decodeMessage(bytes)?.type));
    expect(types.size, 'kinds of messages recorded').to.be.above(10);
    let refused = 0;
    for (const bytes of recorded) {
      const message = decodeMessage(bytes) as PeerMessage;
      const changed = encode(mutate(message, random));
      if (decodeMessage(changed)) continue; // Odd, but of the right form: not this test's.
      refused += 1;
      const peer = anyone(sim).peer!;
      const before = stateOf(peer);
      peer.step({ type: 'message', from: someoneLinkedTo(peer), bytes: changed });
      expect(stateOf(peer)).to.equal(before);
    }
    expect(refused, 'messages that were refused').to.be.above(recorded.length / 3);
  });

  it('survives well-formed messages that make no sense, and the ring heals', () => {
    const sim = grow(6, { seed: 3 });
    const expected = fill(sim, 10);
    const recorded = recordMessages(sim);
    sim.crash(anyone(sim));
    sim.addPeer();
    settle(sim);
    sim.run(5_000);
    const random = new Random(7);
    for (const bytes of random.sample(recorded, 1_000)) {
      const message = decodeMessage(bytes) as PeerMessage;
      // Writes are what they are: an old one again changes nothing, a forged one is out of scope.
      if (message.type === 'link.goodbye' || message.type === 'ring.succLeaving') continue;
      const host = anyone(sim);
      sim.inject(host, someoneLinkedTo(host.peer!), bytes);
      sim.run(1);
    }
    settle(sim);
    expectAll(sim, expected);
  });

  it('ignores messages of peers that it has no link to', () => {
    const sim = grow(4, { seed: 4 });
    const peer = anyone(sim).peer!;
    const before = stateOf(peer);
    const fix: PeerMessage = {
      type: 'ring.fix',
      src: { peer: 'stranger' as PeerId, incarnation: 1, position: peer.ring.state.self.position },
      dead: null,
      chain: [],
    };
    peer.step({ type: 'message', from: 'stranger' as PeerId, bytes: encodeMessage(fix) });
    expect(stateOf(peer)).to.equal(before);
    expect(peer.counters.get('message.stray')).to.equal(1);
  });

  it('ignores what a peer says in the name of another', () => {
    const sim = grow(4, { seed: 5 });
    const peer = anyone(sim).peer!;
    const from = someoneLinkedTo(peer);
    const { self } = peer.ring.state;
    const src = { peer: 'stranger' as PeerId, incarnation: 1, position: self.position };
    const before = stateOf(peer);
    for (const message of [
      { type: 'ring.fix', src, dead: null, chain: [] },
      { type: 'ring.newSucc', src, successors: [] },
      {
        type: 'ring.joinOk',
        nonce: 1,
        joined: self,
        pred: src,
        succ: src,
        successors: [],
        terms: peer.ring.state.terms!,
      },
    ] as PeerMessage[]) {
      peer.step({ type: 'message', from, bytes: encodeMessage(message) });
    }
    expect(stateOf(peer)).to.equal(before);
  });
});
