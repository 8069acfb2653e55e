import { expect } from 'chai';
import { TabringError } from '../../../src/kernel/errors.ts';
import type { Introduction } from '../../../src/runtime/bootstrap/bootstrap.ts';
import { CombinedBootstrap } from '../../../src/runtime/bootstrap/combined-bootstrap.ts';
import type { PageBootstrap, PageContact } from '../../../src/runtime/bootstrap/page-bootstrap.ts';
import type { Link } from '../../../src/runtime/link/link.ts';
import { createMemoryLinks } from '../../../src/runtime/link/memory-link.ts';
import {
  Cleanup,
  codeOf,
  connect,
  contactsOf,
  expectToCarry,
  findMembers,
  introduce,
  isSettled,
  newNetwork,
  nextLink,
  openTab,
} from './pages.ts';

const UNREACHABLE = new TabringError('signaling-unreachable', 'nobody there');
const FOUNDER: Introduction = { role: 'founder' };

/** A server that answers what the test wants. */
class FakeServer implements PageBootstrap {
  onLink: ((link: Link) => void) | null = null;
  isMember = false;
  isClosed = false;
  askedCount = 0;
  answer: () => Promise<Introduction> = () => Promise.resolve(FOUNDER);
  members: () => Promise<readonly PageContact[]> = () => Promise.resolve([]);

  introduce(): Promise<Introduction> {
    this.askedCount++;
    return this.answer();
  }

  findMembers(): Promise<readonly PageContact[]> {
    return this.members();
  }

  setMember(isMember: boolean): void {
    this.isMember = isMember;
  }

  iceServers(): Promise<readonly RTCIceServer[]> {
    return Promise.resolve([{ urls: 'stun:127.0.0.1' }]);
  }

  close(): void {
    this.isClosed = true;
  }
}

function contact(page: string, link: () => Promise<Link>): PageContact {
  return { label: page, page, connect: link };
}

describe('CombinedBootstrap', () => {
  let cleanup: Cleanup;
  let network: string;

  function open(page?: string) {
    const server = new FakeServer();
    const tabs = openTab(cleanup, network, page === undefined ? {} : { page });
    return { bootstrap: cleanup.add(new CombinedBootstrap({ tabs, server })), server };
  }

  beforeEach(() => {
    cleanup = new Cleanup();
    network = newNetwork();
  });
  afterEach(() => cleanup.run());

  it('names founder whom both name, and makes its siblings wait for it', async () => {
    const [a, b] = [open(), open()];
    expect(await introduce(a.bootstrap)).to.deep.equal(FOUNDER);
    const second = introduce(b.bootstrap);
    const newcomer = nextLink(a.bootstrap);
    a.bootstrap.setMember(true);
    const [first] = contactsOf(await second);
    const link = cleanup.add(await connect(first!));
    await expectToCarry(link, cleanup.add(await newcomer));
    expect(a.server.isMember).to.equal(true);
    expect(b.server.askedCount).to.equal(0);
  });

  it('joins whom the server names while its siblings wait', async () => {
    const [a, b] = [open(), open()];
    const [ours] = createMemoryLinks();
    const elsewhere = contact('far', () => Promise.resolve(ours));
    a.server.answer = () => Promise.resolve({ role: 'joiner', contacts: [elsewhere] });
    expect(contactsOf(await introduce(a.bootstrap))).to.deep.equal([elsewhere]);
    const second = introduce(b.bootstrap);
    // It may ask again, if nobody of those can be reached.
    expect(contactsOf(await introduce(a.bootstrap))).to.deep.equal([elsewhere]);
    expect(await isSettled(second)).to.equal(false);
    a.bootstrap.setMember(true);
    expect(contactsOf(await second)[0]!.label).to.match(/tab of this browser/);
  });

  it('does not wait before it joins, only before it founds', async () => {
    const server = new FakeServer();
    server.answer = () => Promise.resolve({ role: 'joiner', contacts: [] });
    const tabs = openTab(cleanup, network, { config: { collectMs: 1e9 } });
    const bootstrap = cleanup.add(new CombinedBootstrap({ tabs, server }));
    expect(contactsOf(await introduce(bootstrap))).to.deep.equal([]);
  });

  it('lets a sibling with a store go first while it asks the server', async () => {
    const [without, holder] = [open(), open()];
    const introductions = [
      introduce(without.bootstrap),
      introduce(holder.bootstrap, true),
    ] as const;
    expect(await introductions[1]).to.deep.equal(FOUNDER);
    expect(without.server.askedCount).to.equal(1);
    expect(without.server.isMember).to.equal(false);
    holder.bootstrap.setMember(true);
    expect(contactsOf(await introductions[0])[0]!.label).to.match(/tab of this browser/);
  });

  it('founds nothing without the server, and lets the next tab try', async () => {
    const [a, b] = [open(), open()];
    a.server.answer = () => Promise.reject(UNREACHABLE);
    const [first, second] = [introduce(a.bootstrap, true), introduce(b.bootstrap)];
    expect(await codeOf(first)).to.equal('signaling-unreachable');
    expect(await second).to.deep.equal(FOUNDER);
  });

  it('tries the server’s members when no tab of this browser can be reached', async () => {
    const [a, b] = [open(), open()];
    a.bootstrap.setMember(true);
    const [ours] = createMemoryLinks();
    b.server.members = () =>
      Promise.resolve([
        contact('dead', () => Promise.reject(new TabringError('unreachable', 'dead'))),
        contact('alive', () => Promise.resolve(ours)),
      ]);
    const contacts = contactsOf(await introduce(b.bootstrap));
    expect(contacts).to.have.lengthOf(2);
    a.bootstrap.close(); // So that the first one fails.
    const attempts = contacts.map(each => connect(each));
    expect(await Promise.any(attempts)).to.equal(ours);
    expect(await codeOf(attempts[0]!)).to.equal('unreachable');
  });

  it('leaves the server’s members alone when a tab of this browser is reached', async () => {
    const [a, b] = [open(), open()];
    a.bootstrap.onLink = link => cleanup.add(link);
    a.bootstrap.setMember(true);
    b.server.members = () => Promise.reject(new Error('not to be asked'));
    const attempts = contactsOf(await introduce(b.bootstrap)).map(each => connect(each));
    cleanup.add(await attempts[0]!);
    expect(await codeOf(attempts[1]!)).to.equal('unreachable');
  });

  it('finds members both ways, each once', async () => {
    const [a, b] = [open('near'), open()];
    a.bootstrap.setMember(true);
    const dead = () => Promise.reject(UNREACHABLE);
    b.server.members = () => Promise.resolve([contact('near', dead), contact('far', dead)]);
    const labels = (await findMembers(b.bootstrap)).map(({ label }) => label);
    expect(labels).to.deep.equal(['near, a tab of this browser', 'far']);
    b.server.members = () => Promise.reject(UNREACHABLE);
    expect(await findMembers(b.bootstrap)).to.have.lengthOf(1);
    b.server.members = () => new Promise(() => {});
    expect(await findMembers(b.bootstrap)).to.have.lengthOf(1);
    b.server.members = () => Promise.reject(UNREACHABLE);
    a.bootstrap.setMember(false);
    expect(await codeOf(findMembers(b.bootstrap))).to.equal('signaling-unreachable');
  });

  it('passes on newcomers of both, and closes both', async () => {
    const { bootstrap, server } = open();
    const [ours, theirs] = createMemoryLinks();
    const ended = new Promise(resolve => (theirs.onEnd = resolve));
    const newcomer = nextLink(bootstrap);
    server.onLink?.(ours);
    expect(await newcomer).to.equal(ours);
    expect(await bootstrap.iceServers()).to.have.lengthOf(1);
    bootstrap.setMember(true);
    bootstrap.setMember(false);
    expect(server.isMember).to.equal(false);
    bootstrap.close();
    expect(server.isClosed).to.equal(true);
    server.onLink?.(ours); // Nobody wants it any more.
    await ended;
    expect(await codeOf(introduce(bootstrap))).to.equal('aborted');
  });
});
