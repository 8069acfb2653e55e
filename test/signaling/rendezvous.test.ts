import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Rendezvous,
  RENDEZVOUS_CONFIG,
  type RendezvousConfig,
} from '../../signaling/rendezvous.ts';

const { collectMs, graceMs, leaseMs, failureMs, freshMs } = RENDEZVOUS_CONFIG;

/** A rendezvous whose time of grace after the start is over, with one network and a clock. */
function create(config: Partial<RendezvousConfig> = {}) {
  const rendezvous = new Rendezvous({ config, random: () => 0.5, now: 0 });
  let now = graceMs;
  const on = (id: string, network = 'net') => ({ network, id });
  return {
    rendezvous,
    now: () => now,
    advance: (byMs: number) => void (now += byMs),
    introduce: (id: string, holdsStore = false, network = 'net') =>
      rendezvous.introduce({ ...on(id, network), holdsStore }, now),
    renew: (id: string) => rendezvous.renew(on(id), now),
    register: (id: string, network = 'net') => rendezvous.register(on(id, network), now),
    find: (id: string, network = 'net') => rendezvous.find(on(id, network), now),
    report: (id: string, failed: string[]) => rendezvous.report(on(id), failed, now),
    withdraw: (id: string) => rendezvous.withdraw(id, now),
    lose: (id: string) => rendezvous.lose(id, now),
    hear: (id: string) => rendezvous.hear(id, now),
    tidy: () => rendezvous.tidy(now),
  };
}

describe('Rendezvous', () => {
  it('names the first page founder once others had time to ask, and nobody else', () => {
    const { introduce, advance } = create();
    assert.deepEqual(introduce('a'), { type: 'wait', waitMs: collectMs });
    advance(10);
    assert.equal(introduce('b').type, 'wait');
    advance(collectMs - 10);
    assert.equal(introduce('b').type, 'wait');
    assert.equal(introduce('a').type, 'found');
    assert.equal(introduce('b').type, 'wait');
    advance(collectMs);
    assert.equal(introduce('b').type, 'wait');
    assert.equal(introduce('a').type, 'found', 'who asks again is still the founder');
  });

  it('lets a page with a store go first, and does not make it wait', () => {
    const { introduce, advance } = create();
    introduce('a');
    advance(collectMs - 1);
    assert.equal(introduce('b', true).type, 'found');
    advance(1);
    assert.equal(introduce('a').type, 'wait');
  });

  it('gives newcomers the members, never themselves, and at most a few', () => {
    const { introduce, register, find } = create({ contactCountMax: 3 });
    for (const id of ['a', 'b', 'c', 'd', 'e']) assert.equal(register(id), true);
    const answer = introduce('n', true);
    assert.ok(answer.type === 'join');
    assert.equal(answer.members.length, 3);
    assert.equal(new Set([...answer.members, 'n']).size, 4);
    assert.ok(!find('a').includes('a'));
    assert.deepEqual(find('a', 'another network'), []);
  });

  it('sends those who waited to the founder as soon as it is a member', () => {
    const { introduce, register, advance } = create();
    introduce('a', true);
    assert.equal(introduce('b').type, 'wait');
    advance(500);
    register('a');
    assert.deepEqual(introduce('b'), { type: 'join', members: ['a'] });
  });

  it('replaces a founder that said goodbye at once', () => {
    const { introduce, withdraw, advance } = create();
    assert.equal(introduce('a', true).type, 'found');
    introduce('b');
    advance(collectMs);
    withdraw('a');
    assert.equal(introduce('b').type, 'found');
  });

  it('replaces a founder whose websocket is gone after it had time to return', () => {
    const { introduce, lose, advance } = create();
    introduce('a', true);
    introduce('b');
    lose('a');
    advance(graceMs - 1);
    assert.equal(introduce('b').type, 'wait');
    advance(1);
    assert.equal(introduce('b').type, 'found');
  });

  it('replaces a founder that neither renews nor becomes a member', () => {
    const { introduce, renew, advance } = create();
    introduce('a', true);
    advance(leaseMs);
    assert.equal(renew('a').type, 'found', 'in time');
    advance(leaseMs);
    introduce('b');
    advance(collectMs);
    assert.equal(introduce('b').type, 'found');
    assert.equal(renew('a').type, 'wait', 'too late');
  });

  it('does not wait for a candidate that has stopped asking', () => {
    const { introduce, advance } = create();
    introduce('a', true);
    introduce('b', true);
    introduce('c');
    advance(leaseMs + 1); // Now neither `a`, the founder, nor `b`, which would be next, is there.
    assert.equal(introduce('c').type, 'wait', 'it had stopped asking itself');
    advance(collectMs);
    assert.equal(introduce('c').type, 'found');
  });

  it('names no founder after its start until members had time to come back', () => {
    const { introduce, register, advance } = create({ graceMs: 2 * graceMs });
    assert.deepEqual(introduce('a', true), { type: 'wait', waitMs: 1_000 });
    advance(graceMs - 1);
    assert.equal(introduce('a', true).type, 'wait');
    register('m');
    advance(1);
    assert.deepEqual(introduce('a', true), { type: 'join', members: ['m'] });
  });

  it('believes a founder that a server before it has named, even during the grace', () => {
    const { introduce, renew } = create({ graceMs: 2 * graceMs });
    introduce('b', true);
    assert.equal(renew('a').type, 'found');
    assert.equal(introduce('b', true).type, 'wait');
    assert.equal(renew('c').type, 'wait', 'there is one already');
  });

  it('names no founder while the last member may only have lost its connection', () => {
    const { introduce, register, lose, advance } = create();
    register('m');
    lose('m');
    advance(graceMs - 1);
    assert.equal(introduce('a', true).type, 'wait');
    register('m');
    advance(1);
    assert.deepEqual(introduce('a', true), { type: 'join', members: ['m'] });
    lose('m');
    advance(graceMs);
    assert.equal(introduce('a', true).type, 'found');
  });

  it('names a founder at once when the last member has said goodbye', () => {
    const { introduce, register, withdraw } = create();
    register('m');
    withdraw('m');
    assert.equal(introduce('a', true).type, 'found');
  });

  it('waits for a page that may have joined when the last member says goodbye', () => {
    const { introduce, register, withdraw, advance } = create();
    register('m');
    assert.equal(introduce('j').type, 'join');
    withdraw('m');
    assert.equal(introduce('a', true).type, 'wait');
    register('j');
    assert.deepEqual(introduce('a', true), { type: 'join', members: ['j'] });
    withdraw('j');
    advance(leaseMs + 1);
    assert.equal(introduce('b', true).type, 'found', 'but not for ever');
  });

  it('takes a member that asks for an introduction for a newcomer', () => {
    const { introduce, register, find } = create();
    register('a');
    register('b');
    assert.deepEqual(introduce('a', true), { type: 'join', members: ['b'] });
    assert.deepEqual(find('b'), []);
  });

  it('puts members last that could not be reached, and forgets that later', () => {
    const { find, register, report, advance, hear } = create();
    for (const id of ['a', 'b', 'c']) register(id);
    assert.deepEqual(report('n', ['a', 'nobody', 'n']), ['a']);
    report('o', ['a', 'b']);
    assert.deepEqual(find('n'), ['c', 'b', 'a']);
    advance(failureMs + 1);
    for (const id of ['a', 'b', 'c']) hear(id);
    report('n', ['c']);
    assert.equal(find('n')[2], 'c');
  });

  it('prefers members that it has heard of lately', () => {
    const { find, register, hear, advance } = create();
    for (const id of ['a', 'b', 'c']) register(id);
    advance(freshMs);
    hear('b');
    assert.equal(find('n')[0], 'b');
  });

  it('keeps a page in one network', () => {
    const { introduce, register, find } = create();
    register('a', 'one');
    register('a', 'two');
    assert.deepEqual(find('n', 'one'), []);
    assert.equal(introduce('n', true, 'one').type, 'found');
  });

  it('bounds networks, members and candidates', () => {
    const bounds = { networkCountMax: 2, memberCountMax: 2, candidateCountMax: 2 };
    const { rendezvous, introduce, register, withdraw, advance } = create(bounds);
    register('a', 'one');
    register('b', 'two');
    assert.deepEqual(introduce('c', true, 'three'), { type: 'full' });
    assert.deepEqual(register('c', 'three'), { type: 'full' });
    assert.equal(register('c', 'one'), true);
    assert.equal(register('d', 'one'), false, 'the list is full');
    assert.equal(register('a', 'one'), true, 'but who is on it stays');
    withdraw('b');
    introduce('e', false, 'two');
    introduce('f', false, 'two');
    introduce('g', false, 'two');
    advance(collectMs);
    assert.equal(introduce('h', true, 'two').type, 'found', 'a store finds room');
    assert.equal(rendezvous.networkCount, 2);
    assert.equal(rendezvous.memberCount, 2);
  });

  it('forgets networks that nobody is in', () => {
    const { rendezvous, introduce, register, lose, withdraw, advance, tidy } = create();
    introduce('a', true, 'one');
    withdraw('a');
    assert.equal(rendezvous.networkCount, 0);
    register('b', 'two');
    lose('b');
    tidy();
    assert.equal(rendezvous.networkCount, 1, 'its member may come back');
    advance(graceMs);
    tidy();
    assert.equal(rendezvous.networkCount, 0);
    introduce('c', false, 'three');
    advance(leaseMs + 1);
    tidy();
    assert.equal(rendezvous.networkCount, 0);
  });
});
