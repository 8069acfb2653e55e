import { expect } from 'chai';
import { FramedLink } from '../../../src/runtime/link/framed-link.ts';
import { createMemoryLinks, createMemoryPorts } from '../../../src/runtime/link/memory-link.ts';
import { QUEUE_BYTES_MAX } from '../../../src/runtime/link/link.ts';
import { collect, filled, runLinkConformance, until } from '../../conformance/link.ts';

runLinkConformance('MemoryLink', async () => {
  const [a, b] = createMemoryPorts();
  return {
    links: [new FramedLink('memory', a), new FramedLink('memory', b)],
    sendRaw: data => void a.sendRaw(data),
    break: () => a.break(),
  };
});

describe('MemoryLink', () => {
  it('delivers in a later task, and says what it is', async () => {
    const [a, b] = createMemoryLinks();
    const atB = collect(b);
    a.send(filled(10, 1));
    await Promise.resolve();
    expect(atB.all).to.have.length(0);
    await atB.first(1);
    expect([a.kind, b.kind]).to.deep.equal(['memory', 'memory']);
    a.close();
  });

  it('lets timers run while two peers answer each other without end', async () => {
    const [a, b] = createMemoryLinks();
    a.onMessage = message => void a.send(message);
    b.onMessage = message => void b.send(message);
    a.send(filled(10, 1));
    await new Promise(resolve => setTimeout(resolve));
    a.close();
  });
});

describe('FramedLink', () => {
  it('gives a receiver that does not keep up no more than a fresh buffer, and holds the rest', async () => {
    const [portA, portB] = createMemoryPorts();
    const [a, b] = [new FramedLink('memory', portA), new FramedLink('memory', portB)];
    const atB = collect(b);
    portA.setStalled(true);
    for (let i = 0; i < 10; i++) expect(a.send(filled(100_000, i))).to.equal(true);
    expect(portA.bufferedAmount).to.be.within(64 * 1024, 80 * 1024);
    expect(a.queuedBytes).to.be.above(1_000_000);
    portA.setStalled(false);
    expect((await atB.first(10)).map(message => message[0])).to.deep.equal([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    await until(() => a.queuedBytes === 0);
    a.close();
  });

  it('fills the buffer deeper once the channel is warm', async () => {
    const [portA, portB] = createMemoryPorts();
    const [a, b] = [new FramedLink('memory', portA), new FramedLink('memory', portB)];
    const atB = collect(b);
    for (let i = 1; i <= 20; i++) {
      a.send(filled(2 ** 20, i));
      await atB.first(i);
    }
    portA.setStalled(true);
    a.send(filled(2 ** 20, 21));
    expect(portA.bufferedAmount).to.be.within(256 * 1024, 272 * 1024);
    portA.setStalled(false);
    await atB.first(21);
    a.close();
  });

  it('drops the newest, and counts it, when nobody listens for too long', async () => {
    const [a, b] = createMemoryLinks();
    const total = 2 * QUEUE_BYTES_MAX;
    for (let sent = 0; sent < total; sent += 2 ** 20) {
      a.send(filled(2 ** 20, sent / 2 ** 20));
      await until(() => a.queuedBytes === 0);
    }
    const atB = collect(b);
    const kept = QUEUE_BYTES_MAX / 2 ** 20;
    const messages = await atB.first(kept);
    expect(messages.map(message => message[0])).to.deep.equal([...Array(kept).keys()]);
    expect(b.malformedCount).to.equal(total / 2 ** 20 - kept);
    a.close();
  });

  it('keeps a bounded number of tiny messages for a page that does not listen', async () => {
    const [a, b] = createMemoryLinks();
    let sentCount = 0;
    while (b.malformedCount === 0) {
      for (let i = 0; i < 1_000; i++) a.send(filled(1, sentCount++));
      await until(() => a.queuedBytes === 0);
    }
    const keptCount = sentCount - b.malformedCount;
    expect(keptCount).to.be.within(10_000, 20_000);
    const messages = await collect(b).first(keptCount);
    expect(messages.every((message, i) => message[0] === i % 256)).to.equal(true);
    a.close();
  });

  it('ends as failed when its port takes nothing more', async () => {
    const [portA] = createMemoryPorts();
    const a = new FramedLink('memory', portA);
    const end = new Promise(resolve => (a.onEnd = resolve));
    portA.close();
    expect(a.send(filled(1, 1))).to.equal(false);
    expect(await end).to.equal('failed');
  });
});
