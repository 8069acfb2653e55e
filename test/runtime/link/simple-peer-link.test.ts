import { expect } from 'chai';
import fc from 'fast-check';
import { TabringError } from '../../../src/kernel/errors.ts';
import {
  SIGNAL_CHARS_MAX,
  type Link,
  type LinkNegotiation,
  type LinkNegotiationOptions,
} from '../../../src/runtime/link/link.ts';
import { negotiateSimplePeer } from '../../../src/runtime/link/simple-peer-link.ts';
import {
  collect,
  expectMessages,
  filled,
  nextTasks,
  runLinkConformance,
  watchEnd,
  type LinkPair,
} from '../../conformance/link.ts';
import { failConnection, recordConnections, setConnectionState } from './connections.ts';

const TIMEOUT_MS = 20_000;

type Wire = (deliver: (data: string) => void, data: string) => void;
const DIRECT: Wire = (deliver, data) => queueMicrotask(() => deliver(data));

/** Two negotiations with each other, whose signals cross `wire`. */
function negotiatePair(wire: Wire = DIRECT, options: Partial<LinkNegotiationOptions> = {}) {
  const base = { iceServers: [], timeoutMs: TIMEOUT_MS };
  const initiator: LinkNegotiation = negotiateSimplePeer({
    ...base,
    isInitiator: true,
    onSignal: data => wire(text => responder.signal(text), data),
    ...options,
  });
  const responder: LinkNegotiation = negotiateSimplePeer({
    ...base,
    isInitiator: false,
    onSignal: data => wire(text => initiator.signal(text), data),
    ...options,
  });
  return { initiator, responder };
}

async function makePair(): Promise<LinkPair & { connections: RTCPeerConnection[] }> {
  const { connections, channels, stop } = recordConnections();
  const { initiator, responder } = negotiatePair();
  stop();
  return {
    links: await Promise.all([initiator.link, responder.link]),
    sendRaw: data => (channels[0] as { send(data: unknown): void }).send(data),
    break: () => failConnection(connections[0]!),
    connections,
  };
}

/** The error of a promise that must be rejected. */
async function errorOf(promise: Promise<unknown>): Promise<TabringError> {
  const error = await promise.then(
    () => expect.fail('it was fulfilled'),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(TabringError);
  return error as TabringError;
}

async function expectWorks([a, b]: readonly [Link, Link]): Promise<void> {
  const [atA, atB] = [collect(a), collect(b)];
  a.send(filled(100_000, 1));
  b.send(filled(100_000, 2));
  expectMessages(await atB.first(1), [filled(100_000, 1)]);
  expectMessages(await atA.first(1), [filled(100_000, 2)]);
}

function close(...links: readonly Link[]): void {
  for (const link of links) link.close();
}

runLinkConformance('SimplePeerLink', makePair);

describe('negotiateSimplePeer', () => {
  it('opens a link of its kind', async () => {
    const { links } = await makePair();
    expect(links.map(link => link.kind)).to.deep.equal(['simple-peer', 'simple-peer']);
    await expectWorks(links);
    close(...links);
  });

  it('opens when signals come in reverse order and twice', async () => {
    const held: (() => void)[] = [];
    const { initiator, responder } = negotiatePair((deliver, data) => {
      held.push(() => deliver(data));
      // The offer and its candidates wait for each other, then go in reverse, each twice.
      setTimeout(() => {
        for (const send of held.splice(0).reverse()) {
          send();
          send();
        }
      }, 50);
    });
    const links = await Promise.all([initiator.link, responder.link]);
    await expectWorks(links);
    close(...links);
  });

  it('asks no server that it was not given', async () => {
    const configs: (RTCConfiguration | undefined)[] = [];
    const Original = RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Original {
      constructor(config?: RTCConfiguration) {
        super(config);
        configs.push(config);
      }
    };
    const { initiator, responder } = negotiatePair();
    globalThis.RTCPeerConnection = Original;
    const links = await Promise.all([initiator.link, responder.link]);
    expect(configs.map(config => config?.iceServers)).to.deep.equal([[], []]);
    close(...links);
  });

  it('gives signals within the documented size, and a handful of them', async () => {
    const signals: string[] = [];
    const { initiator, responder } = negotiatePair((deliver, data) => {
      signals.push(data);
      deliver(data);
    });
    close(...(await Promise.all([initiator.link, responder.link])));
    expect(signals.length).to.be.within(2, 20);
    for (const signal of signals) expect(signal.length).to.be.below(SIGNAL_CHARS_MAX / 8);
  });

  it('rejects with `unreachable` when nobody answers in time', async () => {
    const { initiator, responder } = negotiatePair(() => {}, { timeoutMs: 50 });
    for (const { link } of [initiator, responder]) {
      const error = await errorOf(link);
      expect(error.code).to.equal('unreachable');
      expect(error.message).to.match(/50 ms.*TURN/);
    }
  });

  it('rejects with `aborted` when cancelled, and then ignores everything', async () => {
    const held: (() => void)[] = [];
    const { initiator, responder } = negotiatePair((deliver, data) => {
      held.push(() => deliver(data));
    });
    initiator.cancel();
    initiator.cancel();
    expect((await errorOf(initiator.link)).code).to.equal('aborted');
    responder.cancel();
    expect((await errorOf(responder.link)).code).to.equal('aborted');
    initiator.signal('{}');
    responder.signal('junk');
    for (const send of held) send();
    await nextTasks();
  });

  it('leaves an open link alone when cancelled too late', async () => {
    const { initiator, responder } = negotiatePair();
    const links = await Promise.all([initiator.link, responder.link]);
    initiator.cancel();
    responder.cancel();
    await expectWorks(links);
    close(...links);
  });

  it('rejects with `unreachable` when both sides take the same role', async () => {
    const options = { iceServers: [], timeoutMs: TIMEOUT_MS, isInitiator: true };
    const pass = (data: string): void => two.signal(data);
    const one = negotiateSimplePeer({ ...options, onSignal: pass });
    const two: LinkNegotiation = negotiateSimplePeer({ ...options, onSignal: () => {} });
    expect((await errorOf(two.link)).message).to.contain('same role');
    one.cancel();
  });

  it('survives whatever text is signalled, and fails that negotiation alone (fuzzed)', async () => {
    const bystander = await makePair();
    const sdp = 'v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n';
    const odd = fc.constantFrom<unknown>(
      null, 1, 'x', [], {}, '', sdp, `${sdp}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n`, 'candidate:1',
      'candidate:1 1 udp 2113937151 198.18.0.1 9 typ host', '0', 0, -1, 1e9, 'x'.repeat(2_000),
    ); // prettier-ignore
    const signal = fc.record(
      {
        type: fc.constantFrom('offer', 'answer', 'candidate', 'renegotiate', 'rollback', 'pranswer', 7),
        sdp: odd,
        candidate: fc.oneof(odd, fc.record({ candidate: odd, sdpMid: odd, sdpMLineIndex: odd })),
        renegotiate: odd,
        transceiverRequest: odd,
      },
      { requiredKeys: [] },
    ); // prettier-ignore
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      signal.map(value => JSON.stringify(value)),
    );
    let failedCount = 0;
    for (const isInitiator of [true, false]) {
      for (const texts of fc.sample(fc.array(text, { minLength: 1, maxLength: 4 }), {
        numRuns: 60,
        seed: 1,
      })) {
        const negotiation = negotiateSimplePeer({
          isInitiator,
          iceServers: [],
          timeoutMs: 100,
          onSignal: () => {},
        });
        for (const one of texts) negotiation.signal(one);
        const error = await errorOf(negotiation.link);
        expect(error.code).to.equal('unreachable');
        if (!error.message.includes('100 ms')) failedCount++;
        for (const one of texts) negotiation.signal(one);
      }
    }
    expect(failedCount, 'too mild a test').to.be.above(50);
    await expectWorks(bystander.links);
    close(...bystander.links);
  });

  it('ignores malformed signals once the link is open', async () => {
    const { initiator, responder } = negotiatePair();
    const links = await Promise.all([initiator.link, responder.link]);
    const candidate = (text: string): string =>
      JSON.stringify({ type: 'candidate', candidate: { candidate: text, sdpMid: '0' } });
    for (const negotiation of [initiator, responder]) {
      negotiation.signal('junk');
      negotiation.signal(JSON.stringify({ type: 'offer', sdp: 'v=0\r\nm=application 9\r\n' }));
      negotiation.signal(candidate('nonsense'));
      negotiation.signal(candidate('candidate:1 1 udp 2113937151 198.18.0.9 9 typ host'));
    }
    await expectWorks(links);
    for (let i = 0; i < 300; i++) initiator.signal('junk');
    close(...links);
    for (const negotiation of [initiator, responder]) negotiation.signal(candidate('nonsense'));
  });

  it('gives up on a side that signals without end', async () => {
    const negotiation = negotiateSimplePeer({
      isInitiator: true,
      iceServers: [],
      timeoutMs: TIMEOUT_MS,
      onSignal: () => {},
    });
    const flood = JSON.stringify({ type: 'candidate', candidate: { candidate: '', sdpMid: '0' } });
    for (let i = 0; i < 300; i++) negotiation.signal(flood);
    expect((await errorOf(negotiation.link)).code).to.equal('unreachable');
  });

  it('rejects with `unreachable` and says why when the browser makes no more connections', async () => {
    const Original = RTCPeerConnection;
    const refuse = function (): never {
      throw new DOMException('Cannot create so many PeerConnections', 'UnknownError');
    };
    globalThis.RTCPeerConnection = refuse as unknown as typeof RTCPeerConnection;
    const { initiator } = negotiatePair();
    globalThis.RTCPeerConnection = Original;
    const error = await errorOf(initiator.link);
    expect(error.code).to.equal('unreachable');
    expect(error.message).to.match(/so many PeerConnections.*500/);
    expect(error.cause).to.be.instanceOf(Error);
  });

  it('rejects with `unreachable` when an ICE server is no address', async () => {
    const { initiator } = negotiatePair(DIRECT, { iceServers: [{ urls: 'nonsense' }] });
    expect((await errorOf(initiator.link)).code).to.equal('unreachable');
  });

  it('does not end the link when the connection is only `disconnected`', async () => {
    const { links, connections } = await makePair();
    const ends = links.map(watchEnd);
    setConnectionState(connections[0]!, 'disconnected');
    await expectWorks(links);
    expect(ends.map(end => end.all)).to.deep.equal([[], []]);
    close(...links);
  });

  it('is closed by the peer, not broken, when the other page goes elsewhere', async () => {
    const { links, connections } = await makePair();
    const end = watchEnd(links[1]);
    connections[0]!.close(); // What the browser does then: nobody closes the channel first.
    expect(await end.first).to.equal('closed-by-peer');
    close(...links);
  });

  it('closes channels that the other side adds', async () => {
    const { links, connections } = await makePair();
    const extra = connections[0]!.createDataChannel('extra');
    await new Promise(resolve => (extra.onclose = resolve));
    await expectWorks(links);
    close(...links);
  });

  it('closes the connection with the link, and leaves none behind when it fails', async () => {
    const { links, connections } = await makePair();
    close(...links);
    const recording = recordConnections();
    const { initiator, responder } = negotiatePair(() => {}, { timeoutMs: 10 });
    recording.stop();
    await errorOf(initiator.link);
    await errorOf(responder.link);
    await nextTasks();
    const states = [...connections, ...recording.connections].map(one => one.signalingState);
    expect(states).to.deep.equal(['closed', 'closed', 'closed', 'closed']);
  });
});
