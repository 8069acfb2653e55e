import { expect } from 'chai';
import fc from 'fast-check';
import { EventQueue } from '../../src/simulation/event-queue.ts';
import { Random } from '../../src/simulation/index.ts';

describe('EventQueue', () => {
  it('gives things back by time, and those of one time in the order they came', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(5)), { maxLength: 60 }), script => {
        const queue = new EventQueue<number>();
        let expected: { atMs: number; item: number }[] = [];
        script.forEach((atMs, item) => {
          if (atMs !== null) {
            queue.push(atMs, item);
            expected = [...expected, { atMs, item }].sort((x, y) => x.atMs - y.atMs);
          } else {
            expect(queue.nextMs).to.equal(expected[0]?.atMs ?? Infinity);
            const first = queue.pop();
            const wanted = expected.shift() ?? null;
            expect(first && { atMs: first.atMs, item: first.item }).to.deep.equal(wanted);
          }
          expect(queue.size).to.equal(expected.length);
        });
      }),
      { numRuns: 500 },
    );
  });
});

describe('Random', () => {
  it('repeats itself from a seed, and differs from seed to seed', () => {
    const draws = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(draws(7)).to.deep.equal(draws(7));
    expect(draws(7)).to.not.deep.equal(draws(8));
  });

  it('draws from the ranges it is asked for, and from all of them', () => {
    const random = new Random(1);
    const seen = new Set<number>();
    for (let i = 0; i < 2_000; i++) {
      const next = random.next();
      expect(next >= 0 && next < 1).to.equal(true);
      const between = random.between(-3, 5);
      expect(between >= -3 && between < 5).to.equal(true);
      seen.add(random.below(7));
    }
    expect([...seen]).to.have.members([0, 1, 2, 3, 4, 5, 6]);
  });

  it('samples each at most once, evenly', () => {
    const random = new Random(2);
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < 5_000; i++) {
      const sample = random.sample([0, 1, 2, 3, 4], 2);
      expect(new Set(sample).size).to.equal(2);
      for (const one of sample) counts[one]! += 1;
    }
    for (const count of counts) expect(count).to.be.within(1_800, 2_200);
    expect(random.sample([1, 2], 5)).to.have.members([1, 2]);
    expect(() => random.pick([])).to.throw(RangeError);
  });

  it('forks a source whose draws do not shift its own', () => {
    const [one, two] = [new Random(3), new Random(3)];
    const fork = one.fork();
    two.fork();
    for (let i = 0; i < 10; i++) fork.next();
    expect(one.next()).to.equal(two.next());
  });
});
