import { expect } from 'chai';
import { RingLog, RingStatusElement } from '../../src/elements/index.ts';
import { TabringError } from '../../src/kernel/errors.ts';
import { FakeRing } from './fake-ring.ts';
import { randomRing } from './fixtures.ts';
import { all, one, Playground, textOf, until } from './helpers.ts';

describe('<ring-log>', () => {
  let page: Playground;
  let ring: FakeRing;
  let log: RingLog;

  beforeEach(async () => {
    page = new Playground(600);
    ring = new FakeRing();
    log = page.add(Object.assign(new RingLog(), { ring: ring.asTabring }));
    await log.updateComplete;
  });
  afterEach(() => page.clear());

  const texts = (): string[] => all(log, '.text').map(textOf);

  it('lists the trace, changes of status and problems, in order', async () => {
    ring.trace('Successor is 7f3a');
    ring.change({ ...ring.state, status: 'isolated' });
    ring.problem(new TabringError('store-full', 'No room'));
    await until(() => texts().length === 4, 'four lines');
    expect(texts().slice(1)).to.deep.equal([
      'Successor is 7f3a',
      'isolated',
      'store-full: No room',
    ]);
  });

  it('keeps a bounded number of lines, the newest', async () => {
    log.linesMax = 20;
    for (let i = 0; i < 100; i++) ring.trace(`line ${i}`);
    await until(() => texts().at(-1) === 'line 99', 'the last line');
    expect(texts()).to.have.length(20);
  });

  it('hides and shows topics', async () => {
    ring.trace('about a link', 'link');
    ring.trace('about the ring', 'ring');
    await until(() => texts().length === 3, 'the lines');
    const filter = all(log, '.filter').find(button => textOf(button) === 'link')!;
    filter.click();
    await log.updateComplete;
    expect(texts()).to.include('about the ring');
    expect(texts()).not.to.include('about a link');
    expect(filter.getAttribute('aria-pressed')).to.equal('false');
    filter.click();
    await log.updateComplete;
    expect(texts()).to.include('about a link');
  });

  it('stands still while it is paused, and catches up afterwards', async () => {
    const before = texts();
    one(log, '.pause').click();
    ring.trace('meanwhile');
    await until(() => textOf(one(log, '.pause')) === 'Go on (1 new)', 'the count');
    expect(texts()).to.deep.equal(before);
    one(log, '.pause').click();
    await log.updateComplete;
    expect(texts()).to.include('meanwhile');
  });

  it('follows the newest line until the reader scrolls away', async () => {
    for (let i = 0; i < 60; i++) ring.trace(`line ${i}`);
    await until(() => texts().at(-1) === 'line 59', 'the lines');
    const list = one(log, '.lines');
    const rest = (): number => list.scrollHeight - list.scrollTop - list.clientHeight;
    expect(rest()).to.be.below(2);
    list.scrollTop = 0;
    list.dispatchEvent(new Event('scroll'));
    ring.trace('unseen');
    await until(() => texts().at(-1) === 'unseen', 'another line');
    expect(list.scrollTop).to.equal(0);
  });

  it('treats what it is told as text, and stops listening when it is removed', async () => {
    ring.trace('<img src=x onerror=alert(1)>');
    await until(() => texts().includes('<img src=x onerror=alert(1)>'), 'the line');
    expect(all(log, 'img')).to.have.length(0);
    log.remove();
    expect(ring.listenerCount).to.equal(0);
  });
});

describe('<ring-status>', () => {
  let page: Playground;
  beforeEach(() => {
    page = new Playground(300);
  });
  afterEach(() => page.clear());

  it('says how the peer stands, what it lacks, and what goes wrong until that is put away', async () => {
    const state = randomRing(1);
    const ring = new FakeRing({ ...state, platform: { storage: 'memory', hasWebLocks: false } });
    const element = page.add(Object.assign(new RingStatusElement(), { ring: ring.asTabring }));
    await element.updateComplete;
    expect(textOf(one(element, '[role=status]'))).to.equal('Alone on the ring');
    expect(all(element, '.caveat')).to.have.length(2);
    ring.change({ ...ring.state, status: 'joined' });
    await element.updateComplete;
    expect(textOf(one(element, '[role=status]'))).to.equal('On the ring');
    ring.problem(new TabringError('signaling-unreachable', 'no answer'));
    ring.problem(new TabringError('signaling-unreachable', 'still no answer'));
    await element.updateComplete;
    expect(textOf(one(element, '[role=alert]'))).to.include('still no answer');
    one(element, '.problem button').click();
    await element.updateComplete;
    expect(all(element, '[role=alert]')).to.have.length(0);
  });
});
