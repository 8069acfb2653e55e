import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import viteConfig from '../../vite.config.ts';
import { growStoreCrash } from '../../src/simulation/grow-store-crash.ts';
import { withLab, type Lab, type Tab, type TabBrowser } from '../tabs/harness.ts';
import type {} from './pages/bench.ts';

const USAGE = `npm run bench -- [--tabs N] [--samples N] [--write] [--help]

Measures tabring in real tabs of one browser, next to what it stands on in the same run: a bare
data channel and a bare IndexedDB put. Prints a table.
  --tabs N      tabs of the ring, 3 to 16 (default 8)
  --samples N   operations measured of each kind, 10 to 10,000 (default 200)
  --write       put the table into README.md, between its markers
  --help        this text`;

const ROOT = new URL('../..', import.meta.url);
const PAGE = 'test/bench/pages/bench.html';
const MARKS = ['<!-- bench -->', '<!-- /bench -->'] as const;

/** What `npm run build` calls its entry points. */
const SIZE_NAMES: Readonly<Record<string, string>> = {
  library: 'library alone',
  libraryAtStart: 'library without what is loaded only for a signaling server',
  elements: 'library and elements',
};

type Row = readonly [what: string, figure: string, relation: string];

function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

const median = (times: readonly number[]): number => quantile(times, 0.5);
const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const spread = (times: readonly number[]): string =>
  `${ms(median(times))} (99 %: ${ms(quantile(times, 0.99))})`;

async function buildPage(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'tabring-bench-'));
  const input = join(new URL(ROOT).pathname, PAGE);
  await build({
    ...viteConfig,
    configFile: false,
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true, target: 'es2022', rollupOptions: { input } },
  });
  return outDir;
}

async function openTab(lab: Lab, browser: TabBrowser): Promise<Tab> {
  const query = new URLSearchParams({ signaling: lab.signaling.url });
  const tab = await browser.openTab(`/${PAGE}?${query}`);
  await tab.waitFor(() => window.openedMs !== undefined, { timeoutMs: 30_000 });
  return tab;
}

/** Until the ring of these tabs is perfect; milliseconds since the call. */
async function untilPerfect(tabs: readonly Tab[]): Promise<number> {
  const beganMs = performance.now();
  const places = await Promise.all(
    tabs.map(tab =>
      tab.evaluate(() => [window.benchRing?.id ?? '', window.benchRing?.position ?? 0] as const),
    ),
  );
  const ids = places.sort((a, b) => a[1] - b[1]).map(([id]) => id);
  await Promise.all(
    tabs.map(tab =>
      tab.waitFor(
        (wanted: readonly string[]) => {
          const state = window.benchRing?.snapshot();
          const index = wanted.indexOf(state?.self?.peer ?? '');
          return (
            state?.succ?.peer === wanted[(index + 1) % wanted.length] &&
            state?.pred?.peer === wanted.at(index - 1) &&
            state?.replicas.learningCells === 0
          );
        },
        { arg: ids, timeoutMs: 60_000, what: 'the ring is perfect' },
      ),
    ),
  );
  return performance.now() - beganMs;
}

async function measure(lab: Lab, tabCount: number, samples: number): Promise<Row[]> {
  const browser = await lab.launch({ profile: true });
  const tabs: Tab[] = [];
  const opened: number[] = [];
  const joins: number[] = [];
  const traffic: { messages: number; bytes: number }[] = [];
  for (let i = 0; i < tabCount; i++) {
    const tab = await openTab(lab, browser);
    tabs.push(tab);
    const figures = await tab.evaluate(() => {
      const counters: Readonly<Record<string, number>> =
        window.benchRing?.snapshot().counters ?? {};
      const { messagesIn, messagesOut, bytesIn, bytesOut } = counters;
      const messages = (messagesIn ?? 0) + (messagesOut ?? 0);
      return {
        messages,
        bytes: (bytesIn ?? 0) + (bytesOut ?? 0),
        openedMs: window.openedMs ?? 0,
        joinMs: window.joinMs ?? 0,
      };
    });
    await untilPerfect(tabs);
    if (i === 0) continue; // The founder waits for others to speak up: another thing.
    opened.push(figures.openedMs);
    joins.push(figures.joinMs);
    traffic.push(figures);
  }
  const [a, b] = tabs as [Tab, Tab];
  const offer = await a.evaluate(() => window.bench.offer());
  const answer = await b.evaluate(text => window.bench.answer(text), offer);
  const ping = ([text, count]: readonly [string, number]) => window.bench.ping(text, count);
  const pings = await a.evaluate(ping, [answer, samples] as const);
  const disk = await a.evaluate(count => window.bench.diskPuts(count), samples);
  await a.evaluate(count => window.bench.puts(count), 20);
  const puts = await a.evaluate(count => window.bench.puts(count), samples);
  const gets = await a.evaluate(count => window.bench.gets(count), samples);
  const local = await a.evaluate(count => window.bench.localGets(count), samples);
  const heals: number[] = [];
  while (tabs.length > Math.max(3, tabCount - 3)) {
    const [victim] = tabs.splice(Math.floor(tabs.length / 2), 1);
    await victim?.kill();
    heals.push(await untilPerfect(tabs));
  }
  const [pingMs, diskMs] = [median(pings), median(disk)];
  const times = (value: number): string =>
    `${(value / pingMs).toFixed(1)} round trips, or ${(value / diskMs).toFixed(1)} disk puts`;
  return [
    ['bare data channel, round trip of 100 bytes', spread(pings), 'floor'],
    ['bare IndexedDB put of 100 bytes, strict', spread(disk), 'floor'],
    ['page opened until joined', spread(opened), `${tabCount} tabs, one after the other`],
    ['`Tabring.join` until joined', spread(joins), times(median(joins))],
    [
      'messages and bytes of the joining tab until then',
      `${Math.round(median(traffic.map(t => t.messages)))}, ${(median(traffic.map(t => t.bytes)) / 1024).toFixed(1)} KiB`,
      'median, both directions',
    ],
    [
      'tab killed until the ring is perfect and every cell active',
      spread(heals),
      'detection included',
    ],
    ['`put` of 100 bytes', spread(puts), times(median(puts))],
    ['`get`', spread(gets), times(median(gets))],
    ["`get` with `consistency: 'local'`", spread(local), times(median(local))],
  ];
}

function simulated(): Row[] {
  const report = growStoreCrash({
    nodes: 64,
    seed: 1,
    keys: 64,
    crashes: 8,
    degree: 4,
    hasCodec: true,
    onProgress: () => undefined,
  });
  const relation = '64 simulated peers, delays of 1–20 ms';
  return [
    ['lookup, hops', `${report.lookupHopsMean} (most: ${report.lookupHopsMax})`, relation],
    ['messages that one join costs the whole ring', String(report.joinMessagesMean), relation],
  ];
}

function sizes(): Row[] {
  let text: string;
  try {
    text = readFileSync(new URL('dist/sizes.json', ROOT), 'utf8');
  } catch {
    return []; // Not built yet: `npm run build` tells the sizes.
  }
  const entries = Object.entries(JSON.parse(text) as Record<string, { brotli?: number }>);
  return entries.map(([name, { brotli = 0 }]) => [
    `size: ${SIZE_NAMES[name] ?? name}`,
    `${(brotli / 1000).toFixed(1)} kB`,
    'minified, brotli, with all dependencies',
  ]);
}

function integer(name: string, text: string | undefined, least: number, most: number, or: number) {
  const value = text === undefined ? or : Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  console.error(`--${name} is an integer from ${least} to ${most}\n\n${USAGE}`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        tabs: { type: 'string' },
        samples: { type: 'string' },
        write: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

function write(table: string): void {
  const file = new URL('README.md', ROOT);
  const readme = readFileSync(file, 'utf8');
  const [from, to] = MARKS.map(mark => readme.indexOf(mark)) as [number, number];
  if (from < 0 || to < from) throw new Error(`README.md lacks ${MARKS.join(' and ')}`);
  const head = readme.slice(0, from + MARKS[0].length);
  writeFileSync(file, `${head}\n\n${table}\n\n${readme.slice(to)}`);
}

async function main(): Promise<void> {
  const { tabs, samples, write: isWritten, help } = options();
  if (help) return console.log(USAGE);
  const tabCount = integer('tabs', tabs, 3, 16, 8);
  const sampleCount = integer('samples', samples, 10, 10_000, 200);
  const folder = await buildPage();
  try {
    const rows = await withLab({ folder, signaling: true }, lab =>
      measure(lab, tabCount, sampleCount),
    );
    const all: Row[] = [
      ['What', 'Measured', 'In relation'],
      ['---', '---', '---'],
    ];
    all.push(...rows, ...simulated(), ...sizes());
    const table = all.map(row => `| ${row.join(' | ')} |`).join('\n');
    console.log(table);
    if (isWritten) write(table);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
