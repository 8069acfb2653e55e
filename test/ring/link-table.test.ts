import { expect } from 'chai';
import type { Id } from '../../src/kernel/identifier.ts';
import type { PeerId, PeerRef, SessionId } from '../../src/kernel/machine.ts';
import type { LinkMessage, LinkSignal } from '../../src/ring/link-message.ts';
import { LINK_CONFIG, LinkTable, type LinkEvent } from '../../src/ring/link-table.ts';
import { Recorder } from './recorder.ts';

const [a, b, c] = ['a', 'b', 'c'] as PeerId[] as [PeerId, PeerId, PeerId];
const NO_WAY = { path: [], position: null };
const LINK = { incarnation: 1, kind: 'simulated' } as const;

function refOf(peer: PeerId, incarnation = 1): PeerRef {
  return { peer, incarnation, position: 0 as Id };
}

function tableOf(self: PeerId, config = LINK_CONFIG) {
  const out = new Recorder<LinkMessage, LinkEvent>();
  out.now = 1_000;
  const table = new LinkTable(
    () => refOf(self),
    { nextHop: () => null, isSuspected: () => false },
    config,
  );
  return { table, out };
}

function offer(from: PeerId, to: PeerId, fields: Partial<LinkSignal> = {}): LinkSignal {
  return {
    type: 'link.signal',
    from: refOf(from),
    to,
    position: null,
    session: 'theirs' as SessionId,
    isOffer: true,
    data: 'offer',
    path: [],
    trail: [],
    ...fields,
  };
}

/** The session of the one negotiation that was dialed. */
function dialed(out: Recorder<LinkMessage, LinkEvent>): SessionId {
  const words = out
    .take()
    .links.find(line => line.startsWith('dial'))
    ?.split(' ');
  return words?.[2] as SessionId;
}

describe('LinkTable', () => {
  it('lets the offer of the smaller peer stand when both dial at once', () => {
    const smaller = tableOf(a);
    smaller.table.connect(b, NO_WAY, smaller.out);
    dialed(smaller.out);
    smaller.table.onMessage(c, offer(b, a), smaller.out);
    expect(smaller.out.take().links, 'a keeps its own').to.deep.equal([]);

    const greater = tableOf(b);
    greater.table.connect(a, NO_WAY, greater.out);
    const own = dialed(greater.out);
    greater.table.onMessage(c, offer(a, b), greater.out);
    expect(greater.out.take().links, 'b takes that of a').to.deep.equal([
      `cancel a ${own}`,
      'signal a theirs offer',
    ]);
  });

  it('takes the greater peer’s offer when its own is so old that it must be lost', () => {
    const { table, out } = tableOf(a);
    table.connect(b, NO_WAY, out);
    const own = dialed(out);
    out.now += LINK_CONFIG.glareMs;
    table.onMessage(c, offer(b, a), out);
    expect(out.take().links).to.deep.equal([`cancel b ${own}`, 'signal b theirs offer']);
  });

  it('ignores signals of another session than the one under way', () => {
    const { table, out } = tableOf(a);
    table.connect(b, NO_WAY, out);
    const own = dialed(out);
    table.onMessage(c, offer(b, a, { isOffer: false, session: 'old' as SessionId }), out);
    table.onSignal(b, 'old' as SessionId, 'late candidate', out);
    table.onFailed(b, 'old' as SessionId, out);
    expect(out.take()).to.deep.equal({ sent: [], events: [], links: [] });
    table.onFailed(b, own, out);
    expect(out.take().events).to.deep.equal([{ type: 'link.failed', peer: b }]);
  });

  it('ignores the offer of a former run, and a link to one', () => {
    const { table, out } = tableOf(a);
    table.onUp(b, null, { incarnation: 3, kind: 'simulated' }, out);
    out.take();
    table.onMessage(c, offer(b, a, { from: refOf(b, 2) }), out);
    table.onUp(b, null, { incarnation: 2, kind: 'simulated' }, out);
    expect(out.take()).to.deep.equal({ sent: [], events: [], links: [] });
    expect(table.incarnation(b)).to.equal(3);
  });

  it('says at once that nobody knew a way, back along the trail', () => {
    const relay = tableOf(c);
    relay.table.onUp(a, null, LINK, relay.out);
    relay.out.take();
    relay.table.onMessage(a, offer(a, b, { trail: [a] }), relay.out);
    const [answer] = relay.out.take().sent;
    expect(answer?.to).to.equal(a);
    expect(answer?.message.type).to.equal('link.unreachable');

    const dialer = tableOf(a);
    dialer.table.connect(b, NO_WAY, dialer.out);
    const session = dialed(dialer.out);
    const message = { ...(answer!.message as { type: 'link.unreachable' }), session };
    dialer.table.onMessage(c, message as LinkMessage, dialer.out);
    expect(dialer.out.take().events).to.deep.equal([{ type: 'link.failed', peer: b }]);
    expect(dialer.table.isDialing(b)).to.equal(false);
  });

  it('loses an offer that walks in circles instead of sending it on', () => {
    const { table, out } = tableOf(c);
    for (const peer of [a, b]) table.onUp(peer, null, LINK, out);
    out.take();
    table.onMessage(a, offer(a, b, { trail: [a, c] }), out);
    expect(out.take().sent.map(({ message }) => message.type)).to.deep.equal(['link.unreachable']);
    expect(out.counts.get('link.signalLost')).to.equal(1);
  });

  it('refuses to dial more peers than the limit, and answers that at once', () => {
    const { table, out } = tableOf(a, { ...LINK_CONFIG, dialCountMax: 1 });
    table.connect(b, NO_WAY, out);
    out.take();
    table.connect(c, NO_WAY, out);
    expect(out.take()).to.deep.equal({
      sent: [],
      events: [{ type: 'link.failed', peer: c }],
      links: [],
    });
    table.onMessage(b, offer(c, a), out);
    expect(out.take().links, 'nor does it take one on').to.deep.equal([]);
    expect(out.counts.get('link.refused')).to.equal(2);
  });

  it('waits longer once the other side has answered, but not for ever', () => {
    const { table, out } = tableOf(a);
    const { answerMs, dialMs } = LINK_CONFIG;
    const beganMs = out.now;
    table.connect(b, NO_WAY, out);
    const session = dialed(out);
    table.onMessage(c, offer(b, a, { isOffer: false, session, data: 'answer' }), out);
    out.now = beganMs + answerMs;
    table.onTimer(out);
    expect(table.isDialing(b)).to.equal(true);
    out.now = beganMs + dialMs;
    table.onTimer(out);
    expect(out.take().events).to.deep.equal([{ type: 'link.failed', peer: b }]);

    table.connect(c, NO_WAY, out);
    out.now += answerMs;
    table.onTimer(out);
    expect(out.take().events, 'silence').to.deep.equal([{ type: 'link.failed', peer: c }]);
  });

  it('drops its own negotiation when another one has made the link', () => {
    const { table, out } = tableOf(a);
    table.connect(b, NO_WAY, out);
    const own = dialed(out);
    table.onUp(b, null, LINK, out);
    const { links, events } = out.take();
    expect(links).to.deep.equal([`cancel b ${own}`]);
    expect(events).to.deep.equal([{ type: 'link.up', peer: b, incarnation: 1 }]);
    table.connect(b, NO_WAY, out);
    expect(out.take().links, 'it is open').to.deep.equal([]);
  });

  it('tells a goodbye from a lost link', () => {
    const { table, out } = tableOf(a);
    for (const peer of [b, c]) table.onUp(peer, null, LINK, out);
    out.take();
    table.onMessage(b, { type: 'link.goodbye' }, out);
    table.onDown(c, out);
    table.onDown(c, out);
    expect(out.take().events).to.deep.equal([
      { type: 'link.down', peer: b, isCertain: true },
      { type: 'link.down', peer: c, isCertain: false },
    ]);
  });
});
