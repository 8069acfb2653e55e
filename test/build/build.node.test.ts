import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { expect } from 'chai';
import { ROOT } from '../runner/files.ts';
import { withLab } from '../tabs/harness.ts';
import { overBudget, type EntryName, type Size } from './sizes.ts';

const BUILD_MS = 5 * 60_000;

/** Uses something of every entry point, one thing of it wrongly. */
const CONSUMER = `
import { Tabring, TabringError, type Value } from 'tabring';
import { RingView, TabRing } from 'tabring/elements';
import { Simulation } from 'tabring/simulation';

export const classes = [TabringError, RingView, TabRing, Simulation];

export async function use(): Promise<Value | undefined> {
  const ring: Tabring = await Tabring.join({ network: 'consumer' });
  const element: TabRing | null = document.querySelector('tab-ring');
  // @ts-expect-error: options are checked
  void Tabring.join({ nettwork: 'consumer' });
  return element === null ? undefined : ring.get('key');
}
`;

/** The page of the README: nothing but the one file and the elements. */
const EMBEDDED = `<!doctype html><link rel="icon" href="data:,">
<script type="module" src="/tabring-elements.js"></script>
<tab-ring network="demo"><ring-view></ring-view></tab-ring>`;

function run(args: readonly string[], cwd: string) {
  return spawnSync(process.execPath, [...args], { cwd, encoding: 'utf8', timeout: BUILD_MS });
}

function binaryOf(name: string, path: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), path);
}

describe('the build', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tabring-build-'));
  const dist = join(folder, 'dist');

  before(() => {
    const { status, stderr, stdout } = run(
      ['--import', 'tsx', 'test/build/build.ts', '--out', dist],
      ROOT,
    );
    expect(status, `${stdout}\n${stderr}`).to.equal(0);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('writes the sizes of its entry points, within their budgets', () => {
    const text = readFileSync(join(dist, 'sizes.json'), 'utf8');
    const sizes = JSON.parse(text) as Record<EntryName, Size>;
    expect(overBudget(sizes)).to.deep.equal([]);
    expect(sizes.elements.brotli).to.be.above(sizes.library.brotli);
  });

  it('leaves nothing but the declared dependencies to the application', () => {
    const manifest = readFileSync(join(ROOT, 'package.json'), 'utf8');
    const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    const code = files.filter(name => /^(index|elements|simulation|chunks.*)\.js$/.test(name));
    expect(code).to.have.length.above(3);
    const imports = code.flatMap(name =>
      [
        ...readFileSync(join(dist, name), 'utf8').matchAll(/^import\b.*["']([^."'][^"']*)["'];$/gm),
      ].map(([, from]) => from ?? ''),
    );
    const names = new Set(imports.map(name => name.split('/', name[0] === '@' ? 2 : 1).join('/')));
    expect(Object.keys(dependencies)).to.include.members([...names]);
  });

  for (const resolution of ['bundler', 'nodenext']) {
    it(`has types for a consumer that resolves modules as ${resolution} does`, () => {
      const consumer = join(folder, resolution);
      const tabring = join(consumer, 'node_modules/tabring');
      mkdirSync(tabring, { recursive: true });
      cpSync(join(ROOT, 'package.json'), join(tabring, 'package.json'));
      symlinkSync(dist, join(tabring, 'dist'), 'dir');
      symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
      writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }');
      writeFileSync(join(consumer, 'use.ts'), CONSUMER);
      const module = resolution === 'bundler' ? 'esnext' : resolution;
      const { status, stdout } = run(
        [
          binaryOf('typescript', 'bin/tsc'),
          ...['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,dom,dom.iterable'],
          ...['--module', module, '--moduleResolution', resolution, '--types', ''],
          'use.ts',
        ],
        consumer,
      );
      rmSync(join(folder, 'node_modules'));
      expect(stdout).to.equal('');
      expect(status).to.equal(0);
    });
  }

  it('has one file that makes a ring of tabs out of two elements, on any static host', () =>
    withLab({ folder: dist, pages: { '/embedded.html': EMBEDDED } }, async lab => {
      const browser = await lab.launch();
      const tabs = await browser.openTabs(2, '/embedded.html');
      for (const tab of tabs) {
        await tab.waitFor(
          () => {
            const element = document.querySelector('tab-ring') as {
              ring?: { status: string };
            } | null;
            return element?.ring?.status === 'joined';
          },
          { timeoutMs: 30_000, what: 'a ring of both tabs' },
        );
      }
      await tabs[0]?.waitFor(
        () => document.querySelector('ring-view')?.shadowRoot?.querySelector('svg') !== null,
      );
    }));

  it('has a demo that needs no address of its own', () =>
    withLab({ folder }, async lab => {
      const browser = await lab.launch();
      const tab = await browser.openTab('/dist/demo/');
      await tab.waitFor(() => customElements.get('tab-ring') !== undefined);
      await tab.waitFor(() => [...document.styleSheets].some(sheet => sheet.cssRules.length > 0));
    }));
});
