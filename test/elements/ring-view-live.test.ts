import { expect } from 'chai';
import { RingView } from '../../src/elements/index.ts';
import { FakeRing } from './fake-ring.ts';
import { randomRefs, randomRing, ringOf } from './fixtures.ts';
import { all, frames, one, Playground, textOf, until } from './helpers.ts';

describe('<ring-view> following a ring', () => {
  let page: Playground;
  beforeEach(() => {
    page = new Playground();
  });
  afterEach(() => page.clear());

  async function follow(ring: FakeRing): Promise<RingView> {
    const view = page.add(Object.assign(new RingView(), { ring: ring.asTabring }));
    await view.updateComplete;
    return view;
  }

  const surveys = (ring: FakeRing): number => ring.calls.filter(call => call === 'survey').length;
  const snapshots = (ring: FakeRing): number =>
    ring.calls.filter(call => call === 'snapshot').length;

  it('says that it is waiting as long as it has no ring', async () => {
    const view = page.add(new RingView());
    await view.updateComplete;
    expect(textOf(one(view, '.centre'))).to.include('No ring');
    expect(all(view, '[role=option]')).to.have.length(0);
  });

  it('shows changes of the ring, taking one snapshot per frame however many there are', async () => {
    const ring = new FakeRing(randomRing(5));
    const view = await follow(ring);
    await frames();
    const before = snapshots(ring);
    for (let i = 0; i < 50; i++) ring.change(randomRing(6));
    await until(() => all(view, '[role=option]').length === 6, 'six peers');
    expect(snapshots(ring) - before).to.be.at.most(2);
  });

  it('stops listening and asking when it is removed, and begins again when it is back', async () => {
    const ring = new FakeRing();
    const view = await follow(ring);
    expect(ring.listenerCount).to.be.above(0);
    await until(() => surveys(ring) > 0, 'a survey');
    view.remove();
    expect(ring.listenerCount).to.equal(0);
    const before = surveys(ring);
    ring.change(randomRing(7));
    await new Promise(resolve => setTimeout(resolve, 600));
    expect(surveys(ring)).to.equal(before);
    page.add(view);
    expect(ring.listenerCount).to.be.above(0);
    await until(() => all(view, '[role=option]').length === 7, 'what happened meanwhile');
    await until(() => surveys(ring) > before, 'surveys again');
  });

  it('lets go of one ring when it is given another', async () => {
    const [first, second] = [new FakeRing(randomRing(5)), new FakeRing(randomRing(7))];
    const view = await follow(first);
    view.ring = second.asTabring;
    await until(() => all(view, '[role=option]').length === 7, 'the second ring');
    expect(first.listenerCount).to.equal(0);
    view.ring = undefined;
    await view.updateComplete;
    expect(second.listenerCount).to.equal(0);
    expect(all(view, '[role=option]')).to.have.length(0);
  });

  it('asks round the ring at once when its neighbours change, and never twice at a time', async () => {
    const ring = new FakeRing(randomRing(5));
    let open = (): void => {};
    ring.surveyGate = new Promise(resolve => (open = resolve));
    await follow(ring);
    await until(() => surveys(ring) === 1, 'the first survey');
    for (let seed = 1; seed < 10; seed++) {
      ring.change(randomRing(5, { seed }));
      await frames();
    }
    await new Promise(resolve => setTimeout(resolve, 600)); // Time for a hasty second one.
    expect(surveys(ring)).to.equal(1);
    ring.surveyGate = Promise.resolve();
    open();
    await until(() => surveys(ring) >= 2, 'the one that was asked for meanwhile');
    expect(ring.surveysUnderWayMax).to.equal(1);
  });

  it('does not answer its own survey’s changes with another survey at once', async () => {
    const ring = new FakeRing(randomRing(5));
    await follow(ring);
    await until(() => surveys(ring) >= 1, 'the first survey');
    await new Promise(resolve => setTimeout(resolve, 500)); // Time for a hasty second one.
    const before = surveys(ring);
    for (let i = 0; i < 5; i++) {
      const items = ring.state.replicas.items + 1;
      ring.change({ ...ring.state, replicas: { ...ring.state.replicas, items } });
      await frames();
    }
    await new Promise(resolve => setTimeout(resolve, 500));
    expect(surveys(ring)).to.equal(before);
  });

  it('asks nothing while it is not displayed', async () => {
    const ring = new FakeRing();
    const view = Object.assign(new RingView(), { ring: ring.asTabring, hidden: true });
    page.add(view);
    await new Promise(resolve => setTimeout(resolve, 300));
    expect(surveys(ring)).to.equal(0);
  });

  it('marks the replicas of its key, and forgets them with the key', async () => {
    const ring = new FakeRing(randomRing(9));
    const view = await follow(ring);
    view.key = 'greeting';
    await until(() => all(view, 'svg.ring .pin').length === 4, 'four pins');
    view.key = '';
    await view.updateComplete;
    expect(all(view, 'svg.ring .pin')).to.have.length(0);
  });

  it('tells politely who comes and goes, and how many there are', async () => {
    const refs = randomRefs(5, 5);
    const ring = new FakeRing(ringOf(refs));
    const view = await follow(ring);
    const status = one(view, '[role=status]');
    await until(() => textOf(status) === '5 peers on the ring.', 'the first count');
    ring.change(ringOf(refs.slice(0, 4)));
    const name = refs[4]!.peer.slice(0, 4);
    await until(() => textOf(status) === `Peer ${name} left. 4 peers on the ring.`, 'who left');
    ring.change(ringOf(refs.slice(0, 2)));
    await until(() => textOf(status) === '2 peers left. 2 peers on the ring.', 'how many left');
    ring.change(ringOf(refs.slice(0, 3)));
    const back = refs[2]!.peer.slice(0, 4);
    await until(() => textOf(status) === `Peer ${back} joined. 3 peers on the ring.`, 'who came');
  });

  it('does not take the first survey for arrivals', async () => {
    const refs = randomRefs(9, 9);
    const ring = new FakeRing({ ...ringOf(refs), members: [] });
    const view = await follow(ring);
    const status = one(view, '[role=status]');
    await until(() => textOf(status).endsWith('on the ring.'), 'the first count');
    ring.change(ringOf(refs));
    await until(() => textOf(status) === '9 peers on the ring.', 'the surveyed count');
  });

  it('moves peers round the circle when somebody comes, unless less motion is wished', async () => {
    const original = window.matchMedia;
    const refs = randomRefs(40, 40);
    const transformsAfterJoin = async (isReduced: boolean): Promise<Set<string>> => {
      window.matchMedia = query => {
        const list = original.call(window, query);
        Object.defineProperty(list, 'matches', { value: isReduced });
        return list;
      };
      const ring = new FakeRing(ringOf(refs.filter((_, i) => i !== 20)));
      const view = await follow(ring);
      await frames();
      ring.change(ringOf(refs));
      const seen = new Set<string>();
      const end = performance.now() + 700;
      while (performance.now() < end) {
        await frames();
        const [option] = all<SVGElement>(view, `[data-peer="${refs[19]!.peer}"]`);
        seen.add(option!.getAttribute('transform')!);
      }
      view.remove();
      return seen;
    };
    try {
      expect((await transformsAfterJoin(false)).size, 'places on the way').to.be.above(2);
      expect((await transformsAfterJoin(true)).size, 'with less motion').to.be.at.most(2);
    } finally {
      window.matchMedia = original;
    }
  });
});
