import { expect } from 'chai';
import type { Introduction } from '../../../src/runtime/bootstrap/bootstrap.ts';
import type {
  BroadcastBootstrap,
  BroadcastBootstrapOptions,
} from '../../../src/runtime/bootstrap/broadcast-bootstrap.ts';
import {
  Cleanup,
  codeOf,
  connect,
  contactsOf,
  expectToCarry,
  findMembers,
  introduce,
  isSettled,
  MortalClock,
  newNetwork,
  nextLink,
  openTab,
  until,
} from './pages.ts';

const ELECTIONS: readonly [string, Partial<BroadcastBootstrapOptions>][] = [
  ['with Web Locks', {}],
  ['without Web Locks', { locks: null }],
];

for (const [title, options] of ELECTIONS) {
  describe(`BroadcastBootstrap ${title}`, () => {
    let cleanup: Cleanup;
    let network: string;
    const open = (further: Partial<BroadcastBootstrapOptions> = {}): BroadcastBootstrap =>
      openTab(cleanup, network, { ...options, ...further });

    beforeEach(() => {
      cleanup = new Cleanup();
      network = newNetwork();
    });
    afterEach(() => cleanup.run());

    it('names a page that is alone founder', async () => {
      expect(await introduce(open())).to.deep.equal({ role: 'founder' });
    });

    it('names one founder of two pages opened at once, and the other one joins it', async () => {
      const tabs = [open(), open()];
      const introductions = tabs.map(tab => introduce(tab));
      const first = await Promise.race(introductions.map((each, i) => each.then(() => i)));
      const [founder, joiner] = [tabs[first]!, tabs[1 - first]!];
      expect(await introductions[first]).to.deep.equal({ role: 'founder' });
      expect(await isSettled(introductions[1 - first]!)).to.equal(false);

      const newcomer = nextLink(founder);
      founder.setMember(true);
      const contacts = contactsOf(await introductions[1 - first]!);
      expect(contacts).to.have.lengthOf(1);
      const link = cleanup.add(await connect(contacts[0]!));
      await expectToCarry(link, cleanup.add(await newcomer));
      joiner.setMember(true);
      expect(await findMembers(founder)).to.have.lengthOf(1);
    });

    it('names one founder of seven pages opened at once', async () => {
      const tabs = Array.from({ length: 7 }, () => open());
      const roles = await Promise.all(
        tabs.map(async tab => {
          const { role } = await introduce(tab);
          tab.setMember(true);
          return role;
        }),
      );
      expect(roles.filter(role => role === 'founder')).to.have.lengthOf(1);
    });

    it('replaces a founder that is closed while it founds', async () => {
      const tabs = [open(), open()];
      const introductions = tabs.map(tab => introduce(tab));
      const first = await Promise.race(introductions.map((each, i) => each.then(() => i)));
      tabs[first]!.close();
      expect(await introductions[1 - first]).to.deep.equal({ role: 'founder' });
    });

    it('replaces a founder that gives up', async () => {
      const [founder, other] = [open(), open()];
      await introduce(founder);
      const introduction = introduce(other);
      founder.setMember(false);
      expect(await introduction).to.deep.equal({ role: 'founder' });
    });

    it('keeps a founder that asks again', async () => {
      const [founder, other] = [open(), open()];
      await introduce(founder);
      const introduction = introduce(other);
      expect(await introduce(founder)).to.deep.equal({ role: 'founder' });
      expect(await isSettled(introduction)).to.equal(false);
    });

    it('lets a page with a store go first', async () => {
      const [without, holder] = [open(), open()];
      const introductions = [introduce(without), introduce(holder, true)] as const;
      expect(await introductions[1]).to.deep.equal({ role: 'founder' });
      expect(await isSettled(introductions[0])).to.equal(false);
    });

    it('lets a page with a store go first among those that wait for a founder', async () => {
      const [founder, without, holder] = [open(), open(), open()];
      await introduce(founder, true);
      const introductions = [introduce(without), introduce(holder, true)] as const;
      founder.close();
      expect(await introductions[1]).to.deep.equal({ role: 'founder' });
      expect(await isSettled(introductions[0])).to.equal(false);
    });

    it('names no founder beside a page that may have joined a member that has left', async () => {
      const [member, joiner, a, b] = [open(), open(), open(), open()];
      member.setMember(true);
      await introduce(joiner);
      member.close();
      const introductions = [introduce(a, true), introduce(b)] as const;
      joiner.setMember(true);
      for (const introduction of introductions) {
        expect(contactsOf(await introduction)).to.have.lengthOf(1);
      }
      joiner.close();
      // Both may have joined it.
      const again = introduce(a, true);
      b.close();
      expect(await again).to.deep.equal({ role: 'founder' });
    });

    it('finds the other members only, and none that has left', async () => {
      const [a, b, c] = [open(), open(), open()];
      for (const tab of [a, b]) tab.setMember(true);
      await until(() => true);
      expect(contactsOf(await introduce(c))).to.have.lengthOf(2);
      expect(await findMembers(a)).to.have.lengthOf(1);
      b.setMember(false);
      expect(await findMembers(a)).to.have.lengthOf(0);
      expect(contactsOf(await introduce(c))).to.have.lengthOf(1);
    });

    it('takes no links once it is no member', async () => {
      const [member, newcomer] = [open(), open()];
      member.onLink = link => cleanup.add(link);
      member.setMember(true);
      const [contact] = contactsOf(await introduce(newcomer));
      member.setMember(false);
      expect(await codeOf(connect(contact!))).to.equal('unreachable');
    });

    it('gives up in time on a member that does not answer', async () => {
      const clock = new MortalClock();
      const [member, newcomer] = [open({ clock }), open({ config: { answerMs: 200 } })];
      member.onLink = link => cleanup.add(link);
      member.setMember(true);
      const [contact] = contactsOf(await introduce(newcomer));
      member.close();
      expect(await codeOf(connect(contact!))).to.equal('unreachable');
    });

    it('stops connecting when it is told to', async () => {
      const [member, newcomer] = [open(), open()];
      member.onLink = link => cleanup.add(link);
      member.setMember(true);
      const [contact] = contactsOf(await introduce(newcomer));
      const stop = new AbortController();
      const link = connect(contact!, stop.signal);
      stop.abort();
      expect(await codeOf(link)).to.equal('aborted');
      const other = connect(contact!);
      newcomer.close();
      expect(await codeOf(other)).to.equal('aborted');
    });

    it('stands in nobody’s way when its introduction is aborted', async () => {
      const [a, b] = [open(), open()];
      const stop = new AbortController();
      const first = introduce(a, true, stop.signal);
      const second = introduce(b);
      stop.abort();
      expect(await codeOf(first)).to.equal('aborted');
      expect(await second).to.deep.equal({ role: 'founder' });
      expect(await codeOf(introduce(a, false, stop.signal))).to.equal('aborted');
    });

    it('rejects what is under way, and everything after, when it is closed', async () => {
      const [founder, other] = [open(), open()];
      await introduce(founder);
      const introduction = introduce(other);
      const members = findMembers(other);
      other.close();
      expect(await codeOf(introduction)).to.equal('aborted');
      // With locks it is known at once that there is nobody.
      await members.catch(() => {});
      expect(await codeOf(introduce(other))).to.equal('aborted');
      expect(await codeOf(findMembers(other))).to.equal('aborted');
      other.setMember(true);
      other.close();
      expect(await findMembers(founder)).to.have.lengthOf(0);
    });

    it('ignores and counts what is not a message', async () => {
      const tab = open();
      const channel = cleanup.add(new BroadcastChannel(`tabring/${network}`));
      const header = { protocol: 'tabring/1', from: 'a' };
      const garbage: unknown[] = [
        null,
        1,
        'query',
        [],
        new Uint8Array(3),
        {},
        { ...header, type: 'query' },
        { ...header, type: 'query', query: 'q', from: 'not a name' },
        { ...header, type: 'query', query: 'q', protocol: 'tabring/0' },
        { ...header, type: 'call', to: 'b', session: 's', data: 'x'.repeat(100_000) },
        { ...header, type: 'call', to: 'b', session: 's', data: {} },
        { ...header, type: 'candidate', holdsStore: 'yes', phase: 'asking' },
        { ...header, type: 'else' },
      ];
      for (const message of garbage) channel.postMessage(message);
      await until(() => tab.malformedCount === garbage.length);
      expect(await introduce(tab)).to.deep.equal({ role: 'founder' });
    });

    it('survives signals that are none, and those of links that it knows nothing of', async () => {
      const member = open({ page: 'member' });
      member.onLink = link => cleanup.add(link);
      member.setMember(true);
      const channel = cleanup.add(new BroadcastChannel(`tabring/${network}`));
      const header = { protocol: 'tabring/1', from: 'a', to: 'member', data: 'no signal' };
      for (let i = 0; i < 100; i++) {
        channel.postMessage({ ...header, type: 'call', session: `s${i % 50}` });
        channel.postMessage({ ...header, type: 'signal', session: `s${i}` });
        channel.postMessage({ ...header, type: 'refuse', session: `t${i}` });
      }
      const newcomer = open();
      const [contact] = contactsOf(await introduce(newcomer));
      cleanup.add(await connect(contact!));
    });

    it('never has two founders at a time, nor one beside a member', async () => {
      const standing = new Map<BroadcastBootstrap, 'founder' | 'member'>();
      const check = (tab: BroadcastBootstrap, { role }: Introduction): void => {
        if (role === 'joiner') return;
        expect([...standing.values()]).to.deep.equal([]);
        standing.set(tab, 'founder');
      };
      /** A page opens, founds or joins, stays a while or dies. */
      const live = async (): Promise<void> => {
        const tab = open();
        check(tab, await introduce(tab, Math.random() < 0.5));
        await pauseUpTo(150);
        const isAbandoned = Math.random() < 0.3;
        if (!isAbandoned) {
          tab.setMember(true);
          standing.set(tab, 'member');
          await pauseUpTo(300);
        }
        standing.delete(tab);
        tab.close();
      };
      for (let round = 0; round < 3; round++) {
        await Promise.all(Array.from({ length: 8 }, () => pauseUpTo(400).then(live)));
        expect(standing.size).to.equal(0);
      }
    });
  });
}

describe('BroadcastBootstrap', () => {
  let cleanup: Cleanup;
  let network: string;

  beforeEach(() => {
    cleanup = new Cleanup();
    network = newNetwork();
  });
  afterEach(() => cleanup.run());

  it('replaces a founder that has fallen silent, without Web Locks', async () => {
    const clock = new MortalClock();
    const config = { founderSilenceMs: 500 };
    const founder = openTab(cleanup, network, { locks: null, clock });
    const other = openTab(cleanup, network, { locks: null, config });
    await introduce(founder);
    const introduction = introduce(other);
    clock.die();
    expect(await introduction).to.deep.equal({ role: 'founder' });
  });

  it('knows of members that do not answer, with Web Locks', async () => {
    const [member, newcomer] = [openTab(cleanup, network), openTab(cleanup, network)];
    member.setMember(true);
    // As a frozen page: its locks are held, and it hears nothing.
    const silent = new BroadcastChannel('');
    const { postMessage } = BroadcastChannel.prototype;
    BroadcastChannel.prototype.postMessage = () => {};
    try {
      await until(() => true);
      expect(contactsOf(await introduce(newcomer))).to.have.lengthOf(1);
    } finally {
      BroadcastChannel.prototype.postMessage = postMessage;
      silent.close();
    }
  });

  it('does without locks where the browser refuses them', async () => {
    const refuse = (): Promise<never> => Promise.reject(new DOMException('no', 'SecurityError'));
    const locks = { query: refuse, request: refuse } as unknown as LockManager;
    const [a, b] = [0, 1].map(() => openTab(cleanup, network, { locks })) as [
      BroadcastBootstrap,
      BroadcastBootstrap,
    ];
    expect(await introduce(a)).to.deep.equal({ role: 'founder' });
    a.setMember(true);
    expect(contactsOf(await introduce(b))).to.have.lengthOf(1);
  });

  it('keeps networks apart', async () => {
    const tab = openTab(cleanup, network);
    tab.setMember(true);
    expect(await introduce(openTab(cleanup, `${network}/x`))).to.deep.equal({ role: 'founder' });
    expect(await introduce(openTab(cleanup, newNetwork()))).to.deep.equal({ role: 'founder' });
  });

  it('has no ICE servers', async () => {
    expect(await openTab(cleanup, network).iceServers()).to.deep.equal([]);
  });
});

function pauseUpTo(maxMs: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, Math.random() * maxMs));
}
