import { RingStore, RingView, TabRing } from '../src/elements/index.ts';
import { shortName } from '../src/elements/shared/names.ts';
import { sharedKeys } from './shared-keys.ts';

const DEFAULT_NETWORK = 'demo';
/** In the list from the start, so that a second tab shows what the first one stored. */
const FIRST_KEY = 'greeting';

const query = new URLSearchParams(location.search);

/** The one element of the page that `selector` finds, which must be of that class. */
function find<T extends Element>(selector: string, type: new () => T): T {
  const element = document.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`index.html has no ${selector}`);
  return element;
}

/** Where new tabs ask for a first contact; an address without a host is one of this page's. */
function signalingAddress(): string | undefined {
  const address = query.get('signaling') ?? import.meta.env['VITE_SIGNALING'];
  if (typeof address !== 'string' || address === '') return undefined;
  return URL.canParse(address, location.href) ? new URL(address, location.href).href : address;
}

function start(): void {
  const network = query.get('network') || DEFAULT_NETWORK;
  const signaling = signalingAddress();
  const peer = find('#peer', TabRing);
  const view = find('ring-view', RingView);
  const fallback = find('.fallback', HTMLElement);
  const values = find('ring-store', RingStore);

  find('#network', HTMLElement).textContent = network;
  find('#signaling', HTMLElement).textContent = signaling
    ? `signaling by ${signaling}`
    : 'no signaling server: the tabs of this browser find each other';
  for (const link of document.querySelectorAll<HTMLAnchorElement>('.open-tab')) {
    link.href = location.href;
  }

  const keys = sharedKeys(network, [FIRST_KEY]);
  values.keys = keys.read();
  keys.onChange(list => (values.keys = list));
  values.addEventListener('keyschange', ({ keys: list }) => keys.write(list));
  values.addEventListener('keyselect', ({ key }) => (view.key = key));

  peer.addEventListener('ringready', ({ ring }) => {
    // The same name as on the ring: it tells which tab of the browser's strip is which dot.
    document.title = `${shortName(ring.id)} · tabring`;
    fallback.hidden = true;
  });
  peer.addEventListener('ringerror', ({ error }) => {
    document.title = 'tabring';
    fallback.hidden = !error.code.startsWith('store-');
  });
  const inMemory = new URL(location.href);
  inMemory.searchParams.set('store', 'memory');
  find('#in-memory', HTMLAnchorElement).href = inMemory.href;

  if (query.get('store') === 'memory') peer.store = 'memory';
  if (signaling !== undefined) peer.signaling = signaling;
  peer.network = network;
}

start();
