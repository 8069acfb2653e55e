import { expect } from 'chai';
import type { JoinOptions } from '../../src/api/options.ts';
import type { Tabring } from '../../src/api/tabring.ts';
import {
  RingView,
  type RingErrorEvent,
  type RingReadyEvent,
  type TabRing,
} from '../../src/elements/index.ts';
import { TabringError } from '../../src/kernel/errors.ts';
import { FakeRing } from './fake-ring.ts';
import { all, frames, one, Playground, textOf, until } from './helpers.ts';

/** Stands in for `Tabring.join`: remembers what it was asked, and answers when the test says so. */
class Joins {
  readonly asked: JoinOptions[] = [];
  readonly rings: FakeRing[] = [];
  failure: unknown;
  gate: Promise<void> = Promise.resolve();

  readonly join = async (options: JoinOptions): Promise<Tabring> => {
    this.asked.push(options);
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const ring = new FakeRing();
    this.rings.push(ring);
    return ring.asTabring;
  };
}

describe('<tab-ring>', () => {
  let page: Playground;
  let joins: Joins;

  beforeEach(() => {
    page = new Playground();
    joins = new Joins();
  });
  afterEach(() => page.clear());

  function make(attributes: Record<string, string> = { network: 'demo' }): TabRing {
    const element = document.createElement('tab-ring');
    element.joinRing = joins.join;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  async function failureOf(promise: Promise<unknown>): Promise<TabringError> {
    try {
      await promise;
    } catch (error) {
      if (error instanceof TabringError) return error;
      throw error;
    }
    throw new Error('it did not reject');
  }

  it('joins with what its attributes say', async () => {
    const element = page.add(
      make({
        network: 'demo',
        signaling: 'http://localhost:9000',
        'replication-degree': '5',
        store: 'memory',
        'ice-servers': '[{"urls":"stun:localhost"}]',
      }),
    );
    await element.ready;
    const { signal, ...options } = joins.asked[0]!;
    expect(signal).to.be.instanceOf(AbortSignal);
    expect(options).to.deep.equal({
      network: 'demo',
      signaling: 'http://localhost:9000',
      replicationDegree: 5,
      store: 'memory',
      iceServers: [{ urls: 'stun:localhost' }],
    });
  });

  it('leaves out what it was not given, so that defaults are those of the library', async () => {
    await page.add(make()).ready;
    expect(Object.keys(joins.asked[0]!).toSorted()).to.deep.equal(['network', 'signal']);
  });

  it('has its ring, and says so, once it has joined', async () => {
    const element = make();
    const heard: Event[] = [];
    page.box.addEventListener('ringready', event => heard.push(event));
    expect(element.ring).to.equal(undefined);
    page.add(element);
    const ring = await element.ready;
    expect(element.ring).to.equal(ring);
    expect(heard).to.have.length(1);
    expect((heard[0] as RingReadyEvent).ring).to.equal(ring);
  });

  it('gives the ring to elements inside it, also to those that come later', async () => {
    const element = make();
    const early = new RingView();
    element.append(early);
    page.add(element);
    const ring = await element.ready;
    expect(early.ring).to.equal(ring);
    const late = new RingView();
    element.append(late);
    expect(late.ring).to.equal(ring);
    page.add(late);
    expect(late.ring, 'outside again').to.equal(undefined);
  });

  it('neither leaves nor joins when it is moved within the page', async () => {
    const element = page.add(make());
    const view = new RingView();
    element.append(view);
    const ring = await element.ready;
    const elsewhere = document.createElement('section');
    page.box.append(elsewhere);
    elsewhere.append(element);
    await frames();
    expect(joins.rings[0]!.calls).not.to.include('leave');
    expect(joins.asked).to.have.length(1);
    expect(element.ring).to.equal(ring);
    expect(view.ring, 'still provided').to.equal(ring);
  });

  it('leaves when it is removed, and joins again when it comes back', async () => {
    const element = page.add(make());
    const view = new RingView();
    element.append(view);
    const first = await element.ready;
    element.remove();
    await until(() => joins.rings[0]!.calls.includes('leave'), 'leave');
    expect(element.ring).to.equal(undefined);
    expect(joins.rings[0]!.listenerCount, 'listeners left on').to.equal(0);
    page.add(element);
    await until(() => element.ring !== undefined, 'joined again');
    expect(element.ring).not.to.equal(first);
    expect(view.ring).to.equal(element.ring);
  });

  it('calls a join off when it is removed meanwhile', async () => {
    joins.gate = new Promise(() => {});
    const element = page.add(make());
    await element.updateComplete;
    await until(() => joins.asked.length === 1, 'asked');
    element.remove();
    const error = await failureOf(element.ready);
    expect(error.code).to.equal('aborted');
    expect(joins.asked[0]!.signal!.aborted).to.equal(true);
  });

  it('leaves a ring that arrives when nobody wants it any more', async () => {
    let open = (): void => {};
    joins.gate = new Promise(resolve => (open = resolve));
    const element = page.add(make());
    await until(() => joins.asked.length === 1, 'asked');
    element.remove();
    await failureOf(element.ready);
    open();
    await until(() => joins.rings[0]?.calls.includes('leave') === true, 'leave');
    expect(element.ring).to.equal(undefined);
  });

  it('leaves the old ring and joins the new one when its attributes change', async () => {
    const element = page.add(make());
    await element.ready;
    element.network = 'other';
    element.signaling = 'http://localhost:9000';
    await element.updateComplete;
    const ring = await element.ready;
    expect(joins.rings[0]!.calls).to.include('leave');
    expect(joins.asked.map(({ network }) => network)).to.deep.equal(['demo', 'other']);
    expect(element.ring).to.equal(ring);
  });

  it('keeps its promise over a change of attributes before it has joined', async () => {
    let open = (): void => {};
    joins.gate = new Promise(resolve => (open = resolve));
    const element = page.add(make());
    const { ready } = element;
    await until(() => joins.asked.length === 1, 'asked');
    element.network = 'other';
    await until(() => joins.asked.length === 2, 'asked again');
    open();
    const ring = await ready;
    expect(ring).to.equal(element.ring);
    await until(() => joins.rings.length === 2, 'both arrived');
    expect(joins.rings[0]!.calls, 'the ring nobody wants').to.include('leave');
  });

  it('shows why it could not join, and tries again when told to', async () => {
    joins.failure = new TabringError('signaling-unreachable', 'No answer from http://localhost:1');
    const heard: RingErrorEvent[] = [];
    page.box.addEventListener('ringerror', event => heard.push(event));
    const element = page.add(make());
    const error = await failureOf(element.ready);
    await element.updateComplete;
    expect(error.code).to.equal('signaling-unreachable');
    expect(heard.map(event => event.error)).to.deep.equal([error]);
    const alert = one(element, '[role=alert]');
    expect(textOf(alert)).to.include('The signaling server does not answer');
    expect(textOf(alert)).to.include('No answer from http://localhost:1');

    joins.failure = undefined;
    one(element, 'button').click();
    await element.ready;
    await element.updateComplete;
    expect(all(element, '[role=alert]')).to.deep.equal([]);
    expect(element.ring).not.to.equal(undefined);
  });

  it('says so when it has no network, and joins as soon as it has one', async () => {
    const element = page.add(make({}));
    const error = await failureOf(element.ready);
    await element.updateComplete;
    expect(error.code).to.equal('invalid-argument');
    expect(textOf(one(element, '[role=alert]'))).to.include('"network" attribute');
    expect(joins.asked).to.deep.equal([]);
    element.setAttribute('network', 'demo');
    await until(() => element.ring !== undefined, 'joined');
  });

  it('refuses ICE servers that are no JSON array', async () => {
    const element = page.add(make({ network: 'demo', 'ice-servers': 'stun:localhost' }));
    expect((await failureOf(element.ready)).code).to.equal('invalid-argument');
    expect(joins.asked).to.deep.equal([]);
  });

  it('lets nobody hear of a rejection who did not ask', async () => {
    const strays: PromiseRejectionEvent[] = [];
    const onStray = (event: PromiseRejectionEvent): void => void strays.push(event);
    addEventListener('unhandledrejection', onStray);
    joins.failure = new TabringError('timeout', 'too slow');
    const element = page.add(make());
    await until(() => all(element, '[role=alert]').length === 1, 'the error is shown');
    await new Promise(resolve => setTimeout(resolve, 50)); // Strays are told of a task later.
    removeEventListener('unhandledrejection', onStray);
    expect(strays).to.deep.equal([]);
  });

  it('shows that another tab took over', async () => {
    const element = page.add(make());
    await element.ready;
    const ring = joins.rings[0]!;
    ring.problem(new TabringError('superseded', 'This store is in use elsewhere now.'));
    ring.change({ ...ring.state, status: 'left' });
    await element.updateComplete;
    expect(element.ring).to.equal(undefined);
    expect(textOf(one(element, '[role=alert]'))).to.include('Another tab took over');
    expect(ring.listenerCount).to.equal(0);
  });

  it('does not blame an older problem when the page itself leaves', async () => {
    const element = page.add(make());
    await element.ready;
    joins.rings[0]!.problem(new TabringError('signaling-unreachable', 'no answer'));
    await frames();
    joins.rings[0]!.change({ ...joins.rings[0]!.state, status: 'left' });
    await frames();
    expect(all(element, '[role=alert]')).to.deep.equal([]);
  });

  it('stays out when the page itself has left the ring', async () => {
    const element = page.add(make());
    await element.ready;
    joins.rings[0]!.change({ ...joins.rings[0]!.state, status: 'left' });
    await frames();
    expect(element.ring).to.equal(undefined);
    expect(joins.asked).to.have.length(1);
    expect(all(element, '[role=alert]')).to.deep.equal([]);
  });
});
