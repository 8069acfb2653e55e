import { expect } from 'chai';
import { Peer, type DataConnection, type PeerConnectOption } from 'peerjs';
import { TabringError } from '../../../src/kernel/errors.ts';
import type { Link } from '../../../src/runtime/link/link.ts';
import {
  linkFromDataConnection,
  PEERJS_LINK_OPTIONS,
} from '../../../src/runtime/link/peerjs-link.ts';
import {
  collect,
  expectMessages,
  filled,
  runLinkConformance,
  watchEnd,
  type LinkPair,
} from '../../conformance/link.ts';
import { failConnection, recordConnections } from './connections.ts';
import { FakePeerServer } from './fake-peer-server.ts';

/** The negotiation is peerjs' own and so is the connection; only the server is a stand-in. */
describe('peerjs links', () => {
  const server = new FakePeerServer();
  let peers: [Peer, Peer];

  beforeEach(async () => {
    server.start();
    peers = [await openPeer('a'), await openPeer('b')];
  });

  afterEach(() => {
    for (const peer of peers) peer.destroy();
    server.stop();
  });

  async function openPeer(id: string): Promise<Peer> {
    const peer = new Peer(id, { host: 'peer.test', path: '/', config: { iceServers: [] } });
    await new Promise(resolve => peer.once('open', resolve));
    return peer;
  }

  function connect(options: PeerConnectOption = PEERJS_LINK_OPTIONS): {
    outgoing: DataConnection;
    incoming: Promise<Link>;
  } {
    const incoming = new Promise<Link>((resolve, reject) => {
      peers[1].once('connection', connection => {
        linkFromDataConnection(connection, { timeoutMs: 20_000 }).then(resolve, reject);
      });
    });
    return { outgoing: peers[0].connect('b', options), incoming };
  }

  async function makePair(): Promise<LinkPair> {
    const { connections, channels, stop } = recordConnections();
    const { outgoing, incoming } = connect();
    stop();
    const link = linkFromDataConnection(outgoing, { timeoutMs: 20_000 });
    return {
      links: await Promise.all([link, incoming]),
      sendRaw: data => (channels[0] as { send(data: unknown): void }).send(data),
      break: () => failConnection(connections[0]!),
    };
  }

  async function codeOf(promise: Promise<unknown>): Promise<string> {
    const error = await promise.then(
      () => expect.fail('it was fulfilled'),
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(TabringError);
    return (error as TabringError).code;
  }

  runLinkConformance('PeerjsLink', makePair);

  it('are of their kind', async () => {
    const { links } = await makePair();
    expect(links.map(link => link.kind)).to.deep.equal(['peerjs', 'peerjs']);
    links[0].close();
  });

  it('are closed by the peer, not broken, when the other page goes elsewhere', async () => {
    const { connections, stop } = recordConnections();
    const { outgoing, incoming } = connect();
    stop();
    const link = await linkFromDataConnection(outgoing, { timeoutMs: 20_000 });
    const end = watchEnd(await incoming);
    connections[0]!.close(); // What the browser does then: nobody closes the channel first.
    expect(await end.first).to.equal('closed-by-peer');
    link.close();
  });

  it('reject with `unreachable` when nobody answers in time', async () => {
    const connection = peers[0].connect('nobody', PEERJS_LINK_OPTIONS);
    const { peerConnection } = connection;
    expect(await codeOf(linkFromDataConnection(connection, { timeoutMs: 50 }))).to.equal(
      'unreachable',
    );
    expect(peerConnection.signalingState).to.equal('closed');
  });

  it('reject with `aborted` when aborted before or meanwhile', async () => {
    const early = peers[0].connect('nobody', PEERJS_LINK_OPTIONS);
    const options = { timeoutMs: 20_000, signal: AbortSignal.abort() };
    expect(await codeOf(linkFromDataConnection(early, options))).to.equal('aborted');
    const late = peers[0].connect('nobody', PEERJS_LINK_OPTIONS);
    const abort = new AbortController();
    const link = linkFromDataConnection(late, { timeoutMs: 20_000, signal: abort.signal });
    abort.abort();
    expect(await codeOf(link)).to.equal('aborted');
  });

  it('reject with `unreachable` when the connection is closed before it is open', async () => {
    const connection = peers[0].connect('nobody', PEERJS_LINK_OPTIONS);
    const link = linkFromDataConnection(connection, { timeoutMs: 20_000 });
    failConnection(connection.peerConnection);
    expect(await codeOf(link)).to.equal('unreachable');
    expect(await codeOf(linkFromDataConnection(undefined, { timeoutMs: 1 }))).to.equal(
      'unreachable',
    );
  });

  for (const options of [{}, { reliable: true }, { serialization: 'raw' }]) {
    it(`are not made of connections with ${JSON.stringify(options)}`, async () => {
      const { outgoing, incoming } = connect(options);
      const closed = new Promise<void>(resolve => void outgoing.once('close', resolve));
      expect(await codeOf(incoming)).to.equal('unreachable');
      await closed;
    });
  }

  it('go on without their server', async () => {
    const { links } = await makePair();
    server.disconnectAll();
    expect(peers.map(peer => peer.disconnected)).to.deep.equal([true, true]);
    const atB = collect(links[1]);
    links[0].send(filled(100_000, 1));
    expectMessages(await atB.first(1), [filled(100_000, 1)]);
    const end = watchEnd(links[1]);
    links[0].close();
    expect(await end.first).to.equal('closed-by-peer');
  });
});
