import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rendezvous, RENDEZVOUS_CONFIG, type Introduction } from '../../signaling/rendezvous.ts';

/**
 * Goal: never two founders alive at once, never one named while a member is alive; and once nothing
 * fails any more, every page is on the ring soon. Method: pages that follow the protocol come, go
 * with a goodbye, crash, freeze while founding, lose their websocket for a moment; the server loses
 * its memory. What is true is known from outside and compared with every answer.
 */
const NETWORKS = ['red', 'blue'];
const PAGES_MAX = 8;
const STORM_MS = 120_000;
const CALM_MS = 20_000;
/** How soon a member is back after the server, or its own network, was away; see the grace. */
const RETURN_MS_MAX = 2_800;

type State =
  | { readonly type: 'asking' }
  | { readonly type: 'joining'; readonly contacts: readonly string[]; readonly doneAt: number }
  | { readonly type: 'founding'; readonly doneAt: number }
  | { readonly type: 'frozen' }
  | { readonly type: 'member' };

type Page = {
  readonly id: string;
  readonly network: string;
  readonly holdsStore: boolean;
  state: State;
  /** When its websocket is open (again). */
  connectedAt: number;
  nextAt: number;
};

class World {
  readonly counts = { founded: 0, joined: 0, restarts: 0, blips: 0, crashes: 0, frozen: 0 };
  readonly pages = new Map<string, Page>();
  #now = 0;
  #rendezvous: Rendezvous;
  #state: number;
  #nextId = 0;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761;
    this.#rendezvous = new Rendezvous({ random: () => this.random(), now: 0 });
  }

  /** Mulberry32: small, and the same everywhere. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  run(untilMs: number, isStorm: boolean): void {
    for (; this.#now < untilMs; this.#now += 1 + Math.floor(this.random() * 20)) {
      if (isStorm) this.#disturb();
      this.#rendezvous.tidy(this.#now);
      for (const page of this.pages.values()) {
        if (page.connectedAt <= this.#now && page.nextAt <= this.#now) this.#act(page);
      }
    }
  }

  #between(min: number, max: number): number {
    return min + this.random() * (max - min);
  }

  #disturb(): void {
    if (this.random() < 0.03 && this.pages.size < PAGES_MAX) this.#open();
    if (this.random() < 0.0004) this.#restart();
    const pages = [...this.pages.values()];
    const page = pages[Math.floor(this.random() * pages.length)];
    if (page === undefined || this.random() > 0.03) return;
    const dice = this.random();
    if (dice < 0.3) this.#remove(page, 'goodbye');
    else if (dice < 0.6) this.#remove(page, 'crash');
    else if (dice < 0.7 && page.state.type === 'founding') this.#freeze(page);
    else this.#blip(page);
  }

  #open(): void {
    const id = `page${this.#nextId++}`;
    const network = NETWORKS[Math.floor(this.random() * NETWORKS.length)]!;
    const connectedAt = this.#now + this.#between(0, 50);
    const holdsStore = this.random() < 0.4;
    const state: State = { type: 'asking' };
    this.pages.set(id, { id, network, holdsStore, state, connectedAt, nextAt: connectedAt });
  }

  #restart(): void {
    this.counts.restarts++;
    this.#now += this.#between(0, 5_000);
    this.#rendezvous = new Rendezvous({ random: () => this.random(), now: this.#now });
    for (const page of this.pages.values()) {
      page.connectedAt = this.#now + this.#between(50, RETURN_MS_MAX);
      page.nextAt = page.connectedAt;
    }
  }

  #blip(page: Page): void {
    // Nor before it said what it came back for: that a connection breaks twice within one round trip,
    // and for more than the grace altogether, is beyond what is promised.
    if (page.connectedAt > this.#now || page.nextAt <= this.#now) return;
    this.counts.blips++;
    this.#rendezvous.lose(page.id, this.#now);
    page.connectedAt = page.nextAt = this.#now + this.#between(50, RETURN_MS_MAX);
  }

  #remove(page: Page, how: 'goodbye' | 'crash'): void {
    this.pages.delete(page.id);
    if (how === 'crash') this.counts.crashes++;
    if (page.connectedAt > this.#now) return;
    if (how === 'crash') this.#rendezvous.lose(page.id, this.#now);
    else this.#rendezvous.withdraw(page.id, this.#now);
  }

  /** Its websocket stays open, and it says nothing any more. */
  #freeze(page: Page): void {
    this.counts.frozen++;
    page.state = { type: 'frozen' };
  }

  #act(page: Page): void {
    const { state } = page;
    switch (state.type) {
      case 'asking':
        return this.#onIntroduction(page, this.#introduce(page));
      case 'joining':
        return this.#finishJoining(page, state);
      case 'founding':
        return this.#keepFounding(page, state);
      case 'member':
        return this.#becomeMember(page);
      case 'frozen':
    }
  }

  #introduce(page: Page): Introduction {
    const answer = this.#rendezvous.introduce(page, this.#now);
    assert.ok(answer.type !== 'full');
    return answer;
  }

  #onIntroduction(page: Page, answer: Introduction): void {
    if (answer.type === 'wait') page.nextAt = this.#now + answer.waitMs + this.#between(0, 100);
    if (answer.type === 'join') {
      assert.ok(answer.members.length > 0 && !answer.members.includes(page.id));
      const doneAt = this.#now + this.#between(20, 400);
      page.state = { type: 'joining', contacts: answer.members, doneAt };
      page.nextAt = doneAt;
    }
    if (answer.type === 'found') {
      this.#checkNewFounder(page);
      this.counts.founded++;
      page.state = { type: 'founding', doneAt: this.#now + this.#between(20, 2_500) };
      page.nextAt = this.#now + this.#between(10, answer.renewMs);
    }
  }

  /** The property. A frozen founder is dead: nobody can know better. */
  #checkNewFounder({ id, network }: Page): void {
    for (const other of this.pages.values()) {
      if (other.network !== network || other.id === id) continue;
      const isAlive = other.state.type === 'founding' || other.state.type === 'member';
      assert.ok(!isAlive, `${id} founds ${network} at ${this.#now} beside a ${other.state.type}`);
    }
  }

  #finishJoining(page: Page, { contacts }: State & { type: 'joining' }): void {
    const isReached = contacts.some(id => this.pages.get(id)?.state.type === 'member');
    page.nextAt = this.#now;
    page.state = { type: 'asking' };
    if (!isReached) return;
    this.counts.joined++;
    this.#becomeMember(page);
  }

  #keepFounding(page: Page, { doneAt }: State & { type: 'founding' }): void {
    if (this.#now >= doneAt) return this.#becomeMember(page);
    const answer = this.#rendezvous.renew(page, this.#now);
    assert.equal(answer.type, 'found', `${page.id} lost what it was told`);
    page.nextAt = Math.min(doneAt, this.#now + RENDEZVOUS_CONFIG.renewMs);
  }

  #becomeMember(page: Page): void {
    page.state = { type: 'member' };
    page.nextAt = Infinity; // Until its websocket is open again.
    this.#rendezvous.register(page, this.#now);
  }
}

describe('Rendezvous (simulated)', () => {
  for (let seed = 1; seed <= 100; seed++) {
    it(`has one founder at a time and none beside a member (seed ${seed})`, () => {
      const world = new World(seed);
      world.run(STORM_MS, true);
      const { founded, joined, blips, crashes } = world.counts;
      assert.ok(founded > 1 && joined > 3 && blips > 3 && crashes > 3, 'too mild a storm');
      for (const page of world.pages.values()) {
        if (page.state.type === 'frozen') world.pages.delete(page.id);
      }
      world.run(STORM_MS + CALM_MS, false);
      for (const { id, state } of world.pages.values()) assert.equal(state.type, 'member', id);
    });
  }

  it('has seen the server restart and founders freeze', () => {
    const total = { restarts: 0, frozen: 0 };
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World(seed);
      world.run(STORM_MS, true);
      total.restarts += world.counts.restarts;
      total.frozen += world.counts.frozen;
    }
    assert.ok(total.restarts > 10 && total.frozen > 3, JSON.stringify(total));
  });
});
