import { expect } from 'chai';
import { RingStore, type KeySelectEvent, type KeysChangeEvent } from '../../src/elements/index.ts';
import { formatValue } from '../../src/elements/shared/format-value.ts';
import { TabringError } from '../../src/kernel/errors.ts';
import { FakeRing } from './fake-ring.ts';
import { all, frames, one, Playground, press, textOf, until } from './helpers.ts';

describe('<ring-store>', () => {
  let page: Playground;
  let ring: FakeRing;
  let element: RingStore;

  beforeEach(async () => {
    page = new Playground(360);
    ring = new FakeRing();
    element = page.add(Object.assign(new RingStore(), { ring: ring.asTabring }));
    await element.updateComplete;
  });
  afterEach(() => page.clear());

  function fill(key: string, value = ''): void {
    one<HTMLInputElement>(element, '[name=key]').value = key;
    one<HTMLTextAreaElement>(element, '[name=value]').value = value;
  }
  const click = (action: string): void => one(element, `button[value=${action}]`).click();
  const result = (): string => textOf(one(element, '.result'));
  const rows = (): string[] =>
    all(element, '.key').map(row => textOf(row.querySelector('.value')!));

  it('stores a value, lists its key and chooses it', async () => {
    const heard: Event[] = [];
    page.box.addEventListener('keyselect', event => heard.push(event));
    page.box.addEventListener('keyschange', event => heard.push(event));
    fill('greeting', 'hello');
    click('put');
    await until(() => result() === 'Stored “greeting”.', 'stored');
    expect(ring.values.get('greeting')).to.equal('hello');
    await until(() => rows().join() === 'hello', 'its row');
    const [change, select] = heard as [KeysChangeEvent, KeySelectEvent];
    expect(change.keys).to.deep.equal(['greeting']);
    expect(select.key).to.equal('greeting');
  });

  it('stores on Enter in the value, but not on Shift+Enter', async () => {
    fill('greeting', 'hello');
    const field = one(element, '[name=value]');
    field.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', shiftKey: true, bubbles: true }),
    );
    await frames();
    expect(ring.values.size).to.equal(0);
    press(field, 'Enter');
    await until(() => ring.values.get('greeting') === 'hello', 'stored');
  });

  it('reads values of all kinds as text', async () => {
    ring.values.set('text', 'two\nlines').set('data', { list: [1, null], raw: new Uint8Array(3) });
    fill('text');
    click('get');
    await until(() => result().startsWith('“text” is:'), 'read');
    expect(one<HTMLTextAreaElement>(element, '[name=value]').value).to.equal('two\nlines');
    fill('data');
    click('get');
    await until(() => result().includes('3 bytes: 00 00 00'), 'read data');
    fill('nothing');
    click('get');
    await until(() => result() === 'Nothing is stored under “nothing”.', 'read nothing');
  });

  it('deletes', async () => {
    ring.values.set('greeting', 'hello');
    fill('greeting');
    click('delete');
    await until(() => result() === 'Deleted “greeting”.', 'deleted');
    await until(() => rows().join() === 'no value', 'its row');
  });

  it('says in words why something failed', async () => {
    ring.failure = new TabringError('no-majority', '1 of 4 replicas answered');
    fill('greeting', 'hello');
    click('put');
    await until(() => result().includes('Too few copies can be reached.'), 'the failure');
    expect(result()).to.include('1 of 4 replicas answered');
    expect(all(element, '.key'), 'a key that was not stored').to.have.length(0);
  });

  it('does one thing at a time', async () => {
    fill('greeting', 'hello');
    click('put');
    click('delete');
    await until(() => result() === 'Stored “greeting”.', 'stored');
    expect(ring.calls.filter(call => /put|delete/.test(call))).to.deep.equal(['put greeting']);
  });

  it('asks for a key before it asks the ring', async () => {
    click('put');
    await frames();
    expect(ring.calls.filter(call => call.startsWith('put'))).to.deep.equal([]);
  });

  it('keeps the values of its keys fresh', async () => {
    element.keys = ['a', 'b'];
    await until(() => rows().join() === 'no value,no value', 'the first reads');
    ring.values.set('b', 'news');
    await until(() => rows().join() === 'no value,news', 'what another tab stored');
    expect(all(element, '.value.news')).to.have.length(1);
  });

  it('chooses and lets go of a key, and takes it off the list', async () => {
    element.keys = ['a', 'b'];
    await element.updateComplete;
    const chosen: string[] = [];
    element.addEventListener('keyselect', event => chosen.push(event.key));
    all(element, '.key')[1]!.click();
    await element.updateComplete;
    expect(all(element, '.key')[1]!.getAttribute('aria-pressed')).to.equal('true');
    expect(one<HTMLInputElement>(element, '[name=key]').value).to.equal('b');
    all(element, '.key')[1]!.click();
    all(element, '.forget')[0]!.click();
    await element.updateComplete;
    expect(element.keys).to.deep.equal(['b']);
    expect(chosen).to.deep.equal(['b', '']);
  });

  it('treats keys and values as text', async () => {
    ring.values.set('<i>key</i>', '<img src=x onerror=alert(1)>');
    element.keys = ['<i>key</i>'];
    await until(() => rows().join() === '<img src=x onerror=alert(1)>', 'its row');
    expect(all(element, 'i, img')).to.have.length(0);
  });

  it('asks nothing without a ring, and stops asking when it is removed', async () => {
    element.keys = ['a'];
    await until(() => ring.calls.includes('get a'), 'a read');
    element.remove();
    ring.calls.length = 0;
    await new Promise(resolve => setTimeout(resolve, 100));
    expect(ring.calls).to.deep.equal([]);
    const idle = page.add(new RingStore());
    await idle.updateComplete;
    expect(textOf(one(idle, '.result'))).to.equal('Not on a ring.');
  });
});

describe('values as text', () => {
  it('are cut when they are long, and not within a character', () => {
    const text = formatValue('😀'.repeat(1_000));
    expect(text).to.match(/^(😀)+… \(2000 characters\)$/u);
    expect(text.length).to.be.below(300);
  });

  it('show bytes as numbers', () => {
    expect(formatValue(new Uint8Array([0, 255]))).to.equal('2 bytes: 00 ff');
  });
});
