import { expect } from 'chai';
import type { RingSnapshot } from '../../src/api/snapshot.ts';
import { RingView } from '../../src/elements/index.ts';
import { randomRefs, randomRing, ref, replicasOf, ringOf } from './fixtures.ts';
import { all, one, Playground, press, textOf, until } from './helpers.ts';

interface Rect {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

function overlap(a: Rect, b: Rect): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

describe('<ring-view> drawing a snapshot', () => {
  let page: Playground;
  beforeEach(() => {
    page = new Playground();
  });
  afterEach(() => page.clear());

  async function draw(snapshot: RingSnapshot, properties: Partial<RingView> = {}) {
    const view = Object.assign(new RingView(), { snapshot, ...properties });
    page.add(view);
    await settled(view);
    return view;
  }

  /** Laid out in the width there is: the first drawing is made before that is known. */
  async function settled(view: RingView): Promise<void> {
    const isFitted = (): boolean => {
      const stage = one(view, '.stage').getBoundingClientRect();
      const drawing = one(view, 'svg.ring').getBoundingClientRect();
      return Math.abs(Math.floor(stage.width) - drawing.width) <= 1;
    };
    await view.updateComplete;
    await until(isFitted, 'the drawing fits its stage');
    await view.updateComplete;
  }

  const options = (view: RingView): SVGElement[] => all<SVGElement>(view, '[role=option]');

  for (const peerCount of [1, 2, 5, 9, 64]) {
    it(`shows each of ${peerCount} peers once, clockwise, and this one apart`, async () => {
      const snapshot = randomRing(peerCount);
      const view = await draw(snapshot);
      const shown = options(view).map(option => option.dataset['peer']);
      expect(shown).to.deep.equal(snapshot.members.map(member => member.ref.peer));
      const self = all<SVGElement>(view, '.peer.self');
      expect(self.map(each => each.dataset['peer'])).to.deep.equal([snapshot.self!.peer]);
    });
  }

  for (const widthPx of [280, 480, 1200]) {
    for (const peerCount of [5, 64]) {
      it(`keeps labels of ${peerCount} peers off each other and off all dots at ${widthPx} px`, async () => {
        page.widthPx = widthPx;
        const view = await draw(randomRing(peerCount));
        const labels = all<SVGElement>(view, '.label').map(each => each.getBoundingClientRect());
        expect(labels).to.have.length.of.at.least(peerCount === 5 ? 5 : 6);
        const dots = all<SVGElement>(view, '.peer .dot').map(each => each.getBoundingClientRect());
        labels.forEach((label, i) => {
          const others = labels.slice(i + 1).filter(other => overlap(label, other));
          expect(others, 'labels over labels').to.have.length(0);
          // The corners of a dot's box are empty: the box of its middle is what can be hidden.
          const hidden = dots.map(shrunk).filter(dot => overlap(label, dot));
          expect(hidden, 'labels over dots').to.have.length(0);
        });
        const stage = one(view, '.stage').getBoundingClientRect();
        for (const { left, right, top, bottom } of labels) {
          expect(left).to.be.at.least(stage.left);
          expect(right).to.be.at.most(stage.right);
          expect(top).to.be.at.least(stage.top);
          expect(bottom).to.be.at.most(stage.bottom);
        }
      });
    }
  }

  function shrunk({ left, right, top, bottom }: Rect): Rect {
    const x = ((right - left) * (1 - Math.SQRT1_2)) / 2;
    const y = ((bottom - top) * (1 - Math.SQRT1_2)) / 2;
    return { left: left + x, right: right - x, top: top + y, bottom: bottom - y };
  }

  it('always says which peer is this one, whatever is marked around it', async () => {
    for (const widthPx of [280, 440, 900]) {
      page.widthPx = widthPx;
      for (let seed = 1; seed <= 12; seed++) {
        const refs = randomRefs(2 + seed, seed);
        const view = await draw(ringOf(refs), { replicas: replicasOf(`key ${seed}`, refs) });
        const self = all<SVGElement>(view, '.label.self').map(textOf);
        expect(self, `${widthPx} px, seed ${seed}`).to.deep.equal([
          `you${refs[0]!.peer.slice(0, 4)}`,
        ]);
        view.remove();
      }
    }
  });

  it('keeps the dots of neighbours apart even where their positions are the same', async () => {
    const view = await draw(ringOf([ref('aaaa', 1000), ref('bbbb', 1001), ref('cccc', 1002)]));
    const dots = all<SVGElement>(view, '.peer .dot').map(each => {
      const { left, right, top, bottom } = each.getBoundingClientRect();
      return { x: (left + right) / 2, y: (top + bottom) / 2, radius: (right - left) / 2 };
    });
    for (const [i, a] of dots.entries()) {
      for (const b of dots.slice(i + 1)) {
        expect(Math.hypot(a.x - b.x, a.y - b.y)).to.be.above(a.radius + b.radius - 2);
      }
    }
  });

  it('never makes the page scroll sideways', async () => {
    page.widthPx = 280;
    const view = await draw(randomRing(9), { replicas: replicasOf('greeting', randomRefs(9, 9)) });
    expect(view.scrollWidth).to.be.at.most(280);
  });

  it('invites a second tab while this peer is alone', async () => {
    const view = await draw(randomRing(1));
    expect(textOf(one(view, '.centre'))).to.include('Open this page in a second tab');
    expect(all(view, '.chord, .pointer')).to.have.length(0);
    expect(all(view, '.range'), 'and in the legend').to.have.length(2);
  });

  it('draws successors, predecessors, links, fingers and the range', async () => {
    const snapshot = randomRing(9);
    const view = await draw(snapshot);
    const ring = 'svg.ring ';
    expect(all(view, `${ring}.pointer.succ`)).to.have.length(9);
    expect(all(view, `${ring}.pointer.pred`)).to.have.length(9);
    expect(all(view, `${ring}.pointer.odd`)).to.have.length(0);
    const fingers = new Set(snapshot.fingers.map(finger => finger.ref.peer));
    expect(all(view, `${ring}.chord.finger`)).to.have.length(fingers.size);
    const linked = new Set([...fingers, ...snapshot.links.map(link => link.peer)]);
    expect(all(view, `${ring}.chord`)).to.have.length(linked.size);
    expect(all(view, `${ring}.range`)).to.have.length(1);
  });

  it('marks a branch, a suspected predecessor and a peer only heard of', async () => {
    const refs = randomRefs(6, 6);
    const perfect = ringOf(refs);
    const members = perfect.members
      // The third has not heard of the fourth yet, which already stands between it and the fifth.
      .map((member, i) => (i === 2 ? { ...member, succ: refs[4]! } : member))
      .filter((_, i) => i !== 1);
    const view = await draw({ ...perfect, members, isPredSuspected: true });
    const peersOf = (selector: string): (string | undefined)[] =>
      all<SVGElement>(view, `svg.ring ${selector}`).map(each => each.dataset['peer']);
    expect(peersOf('.peer.branch')).to.deep.equal([refs[2]!.peer]);
    expect(peersOf('.peer.suspected')).to.deep.equal([refs[5]!.peer]);
    expect(peersOf('.peer.unconfirmed')).to.deep.equal([refs[1]!.peer]);
    expect(all(view, 'svg.ring .pointer.succ.odd')).to.have.length(1);
    expect(textOf(one(view, '.count')), 'who did not answer is not counted').to.equal('5 peers');
    expect(textOf(one(view, '.legend'))).to.match(/branch.*suspected.*only heard of/);
  });

  it('counts a peer that has started anew once, as it is now', async () => {
    const refs = randomRefs(3, 3);
    const again = { ...refs[1]!, incarnation: 2 };
    const view = await draw({ ...ringOf(refs), succ: again, successors: [again] });
    expect(options(view)).to.have.length(3);
  });

  it('marks the replicas of a key and the peers that hold them in one colour each', async () => {
    const refs = randomRefs(9, 9);
    const [first, second, third, fourth] = replicasOf('greeting', refs);
    const view = await draw(ringOf(refs), {
      replicas: [
        first!,
        { ...second!, state: 'learning' },
        { ...third!, state: 'unreachable', owner: null },
        fourth!,
      ],
    });
    const colour = (element: Element): string => getComputedStyle(element).stroke;
    const pins = all<SVGElement>(view, 'svg.ring .pin');
    expect(pins).to.have.length(4);
    expect(new Set(pins.map(colour)).size, 'colours').to.equal(4);
    expect(all(view, 'svg.ring .pin-number').map(textOf)).to.deep.equal(['1', '2', '3', '4']);
    const heldBy = (peer: string): string[] =>
      all<SVGElement>(view, `[data-peer="${peer}"] .held`).map(colour);
    expect(heldBy(first!.owner!.peer)).to.include(colour(pins[0]!));
    expect(heldBy(second!.owner!.peer)).to.include(colour(pins[1]!));
    expect(all(view, '.held.learning')).to.have.length(1);
    expect(all(view, 'svg.ring .replica.unreachable .pin')).to.have.length(1);
    const holder = options(view).find(each => each.dataset['peer'] === first!.owner!.peer)!;
    expect(holder.getAttribute('aria-label')).to.include('replica 1 active');
  });

  it('shows this peer’s details first, and those of a peer under the pointer', async () => {
    const snapshot = randomRing(5);
    const view = await draw(snapshot);
    const details = (): string => textOf(one(view, '.details'));
    expect(details()).to.include(snapshot.self!.peer).and.include('7 items');
    const { ref: other } = snapshot.members[2]!;
    const dot = one<SVGElement>(view, `[data-peer="${other.peer}"] .dot`).getBoundingClientRect();
    const at = { clientX: dot.left + 3, clientY: dot.top + 3, bubbles: true };
    one(view, 'svg.ring').dispatchEvent(new PointerEvent('pointermove', at));
    await view.updateComplete;
    expect(details()).to.include(other.peer).and.include(String(other.position));
    expect(details()).to.include('6 items');
    one(view, '.stage').dispatchEvent(new PointerEvent('pointerleave'));
    await view.updateComplete;
    expect(details()).to.include(snapshot.self!.peer);
  });

  it('treats identities as text', async () => {
    const view = await draw(ringOf([ref('<img src=x onerror=alert(1)>', 5), ref('b<b>', 9)]));
    expect(all(view, 'img, b')).to.have.length(0);
    expect(textOf(one(view, '.details'))).to.include('<img src=x onerror=alert(1)>');
  });

  for (const scheme of ['light', 'dark']) {
    it(`has text of a contrast of 4.5 and more in the ${scheme} scheme`, async () => {
      const view = new RingView();
      view.style.colorScheme = scheme;
      page.add(view);
      await view.updateComplete;
      const probe = view.renderRoot.appendChild(document.createElement('span'));
      const channels = (colour: string): number[] => colour.match(/[\d.]+/g)!.map(Number);
      const seen = (className: string, colour: string): number => {
        probe.className = className;
        probe.style.color = colour;
        return luminance(channels(getComputedStyle(probe).color));
      };
      const surface = seen('', 'Canvas');
      const texts = ['ink', 'muted', 'peer', 'self', 'finger', 'branch', 'suspect'];
      const luminances = new Map([
        ...texts.map(name => [name, seen('', `var(--_${name})`)] as const),
        ...Array.from({ length: 8 }, (_, i) => {
          return [`replica ${i}`, seen(`colour-${i}`, 'var(--_colour)')] as const;
        }),
      ]);
      for (const [name, each] of luminances) expect(contrast(each, surface), name).to.be.above(4.5);
    });
  }

  function luminance([red, green, blue]: readonly number[]): number {
    const linear = (channel: number): number =>
      channel <= 10 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(red!) + 0.7152 * linear(green!) + 0.0722 * linear(blue!);
  }

  function contrast(a: number, b: number): number {
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }

  describe('with the keyboard', () => {
    const focusedPeer = (view: RingView): string | undefined => {
      const active = view.shadowRoot?.activeElement;
      return active instanceof SVGElement ? active.dataset['peer'] : undefined;
    };

    it('lets the Tab key reach one peer, and arrows all others', async () => {
      const snapshot = randomRing(5, { selfIndex: 3 });
      const peers = snapshot.members.map(member => member.ref.peer);
      const view = await draw(snapshot);
      const reachable = options(view).filter(option => option.tabIndex === 0);
      expect(reachable.map(option => option.dataset['peer'])).to.deep.equal([peers[3]]);
      reachable[0]!.focus();
      const walk = async (key: string): Promise<string | undefined> => {
        press(view.shadowRoot!.activeElement!, key);
        await view.updateComplete;
        return focusedPeer(view);
      };
      expect(await walk('ArrowRight')).to.equal(peers[4]);
      expect(await walk('ArrowDown'), 'round the ring').to.equal(peers[0]);
      expect(await walk('ArrowLeft')).to.equal(peers[4]);
      expect(await walk('ArrowUp')).to.equal(peers[3]);
      expect(await walk('ArrowUp')).to.equal(peers[2]);
      expect(await walk('Home')).to.equal(peers[3]);
      expect(await walk('End')).to.equal(peers[2]);
      expect(textOf(one(view, '.details'))).to.include(peers[2]!);
      expect(options(view).filter(option => option.tabIndex === 0)).to.have.length(1);
    });

    it('chooses with Enter and lets go with Escape', async () => {
      const snapshot = randomRing(5);
      const view = await draw(snapshot);
      const chosen: (string | undefined)[] = [];
      page.box.addEventListener('peerselect', event => chosen.push(event.peer?.peer));
      options(view)[2]!.focus();
      press(options(view)[2]!, 'Enter');
      await view.updateComplete;
      expect(options(view)[2]!.getAttribute('aria-selected')).to.equal('true');
      press(options(view)[2]!, 'Escape');
      await view.updateComplete;
      expect(options(view)[2]!.getAttribute('aria-selected')).to.equal('false');
      expect(chosen).to.deep.equal([snapshot.members[2]!.ref.peer, undefined]);
    });

    it('moves on to the next peer when the focused one leaves', async () => {
      const refs = randomRefs(5, 5);
      const view = await draw(ringOf(refs));
      options(view)[2]!.focus();
      await view.updateComplete;
      view.snapshot = ringOf(refs.filter((_, i) => i !== 2));
      await view.updateComplete;
      expect(focusedPeer(view)).to.equal(refs[3]!.peer);
    });

    it('names every peer, with what it is to this one', async () => {
      const view = await draw(randomRing(5));
      const labels = options(view).map(option => option.getAttribute('aria-label'));
      expect(labels[0]).to.match(/^You, peer \w{4}, .*7 items, 1 of 5$/);
      expect(labels[1]).to.match(/^Peer \w{4}, your successor.*, 2 of 5$/);
      expect(labels[4]).to.match(/your predecessor/);
    });
  });
});
