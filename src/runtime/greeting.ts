import * as v from 'valibot';
import { decode, encode } from '../kernel/codec.ts';
import { TabringError } from '../kernel/errors.ts';
import { count, peerId } from '../kernel/schema.ts';
import type { Clock } from './clock.ts';
import type { Link } from './link/link.ts';

/** Raised when peers of two versions could misunderstand each other. */
const PROTOCOL = 1;

const greeting = v.strictObject({
  type: v.literal('hello'),
  protocol: v.literal(PROTOCOL),
  network: v.pipe(v.string(), v.maxLength(256)),
  peer: peerId,
  incarnation: count,
});

/** Who is at the other end of a link: the first thing said on it. */
export type Greeting = Pick<v.InferOutput<typeof greeting>, 'network' | 'peer' | 'incarnation'>;

/** A page that is there answers at once; one that does not is not one of ours. */
const GREETING_MS = 5_000;

/**
 * Says hello on a fresh link and waits for the other side's. What follows on the link waits with
 * it: the caller sets `onMessage` in the same task in which this resolves. Rejects with
 * `TabringError` `unreachable`, and ends the link, when the other side is not a peer of our network.
 */
export function greet(link: Link, self: Greeting, clock: Clock): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: Greeting | string): void => {
      cancel();
      link.onMessage = null;
      link.onEnd = null;
      if (typeof outcome !== 'string') return resolve(outcome);
      link.close();
      reject(new TabringError('unreachable', outcome));
    };
    const cancel = clock.after(GREETING_MS, () => settle('the other side did not say hello'));
    link.onEnd = () => settle('the link ended before hello was said');
    link.onMessage = bytes => {
      const parsed = v.safeParse(greeting, decode(bytes)?.value);
      if (!parsed.success) return settle('the other side does not speak our protocol');
      if (parsed.output.network !== self.network) return settle('it is of another network');
      if (parsed.output.peer === self.peer) return settle('the other side is this peer itself');
      settle(parsed.output);
    };
    const { network, peer, incarnation } = self;
    link.send(encode({ type: 'hello', protocol: PROTOCOL, network, peer, incarnation }));
  });
}
