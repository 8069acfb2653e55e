import { expect } from 'chai';
import type { Bootstrap, Contact, Introduction } from '../../../src/runtime/bootstrap/bootstrap.ts';
import {
  BroadcastBootstrap,
  type BroadcastBootstrapOptions,
} from '../../../src/runtime/bootstrap/broadcast-bootstrap.ts';
import type { Clock } from '../../../src/runtime/clock.ts';
import { TabringError } from '../../../src/kernel/errors.ts';
import type { Link } from '../../../src/runtime/link/link.ts';

let networkCount = 0;

/** A network that no other test has. */
export function newNetwork(): string {
  return `test ${Date.now()} ${networkCount++}`;
}

/** Ends whatever a test opened, also when it fails. */
export class Cleanup {
  readonly #ends: (() => void)[] = [];

  add<T extends { close(): void }>(thing: T): T {
    this.#ends.push(() => thing.close());
    return thing;
  }

  run(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

/** A page's clock until the page dies: then nothing fires any more. */
export class MortalClock implements Clock {
  #isDead = false;

  now(): number {
    return performance.now();
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(() => this.#isDead || callback(), delayMs);
    return () => clearTimeout(timer);
  }

  die(): void {
    this.#isDead = true;
  }
}

export function openTab(
  cleanup: Cleanup,
  network: string,
  options: Partial<BroadcastBootstrapOptions> = {},
): BroadcastBootstrap {
  return cleanup.add(new BroadcastBootstrap({ network, ...options }));
}

export function introduce(
  bootstrap: Bootstrap,
  holdsStore = false,
  signal: AbortSignal = new AbortController().signal,
): Promise<Introduction> {
  return bootstrap.introduce({ holdsStore, signal });
}

export function findMembers(bootstrap: Bootstrap): Promise<readonly Contact[]> {
  return bootstrap.findMembers({ signal: new AbortController().signal });
}

export function connect(contact: Contact, signal = new AbortController().signal): Promise<Link> {
  return contact.connect({ signal });
}

/** The contacts of an introduction that must be one to members. */
export function contactsOf(introduction: Introduction): readonly Contact[] {
  if (introduction.role !== 'joiner') throw new Error('it was told to found');
  return introduction.contacts;
}

/** The next link a member gets from a newcomer. */
export function nextLink(bootstrap: Bootstrap): Promise<Link> {
  return new Promise(resolve => (bootstrap.onLink = resolve));
}

/** Sends bytes each way and looks what arrives. */
export async function expectToCarry(a: Link, b: Link): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const message = crypto.getRandomValues(new Uint8Array(40_000));
    const received = new Promise<Uint8Array>(resolve => (to.onMessage = resolve));
    expect(from.send(message)).to.equal(true);
    expect(await received).to.deep.equal(message);
  }
}

/** The code of the `TabringError` that a promise must be rejected with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TabringError) return error.code;
    throw error;
  }
  throw new Error('it was not rejected');
}

/** Resolves when the condition holds; the test's own time-out says when it never does. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5));
}

/** Whether a promise has been settled by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  promise.then(
    () => (isSettled = true),
    () => (isSettled = true),
  );
  await Promise.resolve();
  await Promise.resolve();
  return isSettled;
}
