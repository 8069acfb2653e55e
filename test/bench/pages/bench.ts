import { Tabring } from '../../../src/index.ts';

/**
 * A page of the benchmark: joins when it is opened, and can measure the floor that tabring stands
 * on, in the same page and the same run.
 */
declare global {
  interface Window {
    benchRing: Tabring | undefined;
    /** Milliseconds from the beginning of the navigation, and from the call, until it was joined. */
    openedMs: number | undefined;
    joinMs: number | undefined;
    bench: typeof bench;
  }
}

async function timed(count: number, run: (i: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const beganMs = performance.now();
    await run(i);
    times.push(performance.now() - beganMs);
  }
  return times;
}

let connection: RTCPeerConnection | null = null;
let channel: RTCDataChannel | null = null;

function gathered(peer: RTCPeerConnection): Promise<string> {
  return new Promise(resolve => {
    const check = () => {
      if (peer.iceGatheringState === 'complete') resolve(JSON.stringify(peer.localDescription));
    };
    peer.addEventListener('icegatheringstatechange', check);
    check();
  });
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('tabring-bench-floor', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('rows');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('refused'));
  });
}

const bench = {
  /** A bare data channel: offer, answer, and pings over it. */
  async offer(): Promise<string> {
    connection = new RTCPeerConnection();
    channel = connection.createDataChannel('bench');
    await connection.setLocalDescription();
    return gathered(connection);
  },

  async answer(offer: string): Promise<string> {
    connection = new RTCPeerConnection();
    connection.ondatachannel = ({ channel: incoming }) => {
      incoming.onmessage = ({ data }: MessageEvent<string>) => incoming.send(data);
    };
    await connection.setRemoteDescription(JSON.parse(offer) as RTCSessionDescriptionInit);
    await connection.setLocalDescription();
    return gathered(connection);
  },

  async ping(answer: string, count: number): Promise<number[]> {
    const [peer, pipe] = [connection, channel];
    if (!peer || !pipe) throw new Error('offer first');
    await peer.setRemoteDescription(JSON.parse(answer) as RTCSessionDescriptionInit);
    await new Promise(resolve =>
      pipe.readyState === 'open' ? resolve(0) : (pipe.onopen = resolve),
    );
    const ping = () =>
      new Promise(resolve => {
        pipe.onmessage = resolve;
        pipe.send('x'.repeat(100));
      });
    await timed(20, ping);
    return timed(count, ping);
  },

  /** A bare IndexedDB put of a small record, durable before the next one. */
  async diskPuts(count: number): Promise<number[]> {
    const database = await openDatabase();
    const put = (i: number) =>
      new Promise((resolve, reject) => {
        const tx = database.transaction('rows', 'readwrite', { durability: 'strict' });
        tx.objectStore('rows').put({ value: 'x'.repeat(100) }, i);
        tx.oncomplete = resolve;
        tx.onerror = () => reject(tx.error ?? new Error('refused'));
      });
    await timed(10, put);
    const times = await timed(count, put);
    database.close();
    return times;
  },

  puts: (count: number) =>
    timed(count, i => window.benchRing?.put(`bench ${i}`, 'x'.repeat(100)) ?? Promise.reject()),
  gets: (count: number) =>
    timed(count, i => window.benchRing?.get(`bench ${i}`) ?? Promise.reject()),
  localGets: (count: number) =>
    timed(
      count,
      i => window.benchRing?.get(`bench ${i}`, { consistency: 'local' }) ?? Promise.reject(),
    ),
};

window.bench = bench;
const query = new URLSearchParams(location.search);
const beganMs = performance.now();
window.benchRing = await Tabring.join({
  network: query.get('network') ?? 'bench',
  signaling: query.get('signaling') ?? undefined,
});
window.openedMs = performance.now();
window.joinMs = window.openedMs - beganMs;
