import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Middleware } from '@web/dev-server-core';
import {
  createLogger,
  createServer,
  mergeConfig,
  type InlineConfig,
  type Logger,
  type Plugin,
  type ViteDevServer,
} from 'vite';
import shared from '../../vite.config.ts';
import { isAlive } from '../tabs/processes.ts';
import { ROOT } from './files.ts';

/** What the test runner answers itself: its page, its protocol, the test framework. */
const RUNNER_PATHS = /^\/(?:\?|$|__web-)/;

/** Several hundred files, which every page of tests would load one by one. */
const PREBUNDLED_FOR_TESTS = ['fast-check', 'chai'];

const CACHES = resolve(ROOT, 'node_modules/.vite');
const CACHE = join(CACHES, `tests-${process.pid}`);

const FOR_TESTS: Plugin = {
  name: 'tabring:for-tests',
  enforce: 'pre',
  /** The runner's commands (`@web/test-runner-commands`) import what only the runner serves. */
  resolveId: id => (id.startsWith('/__web-') ? { id, external: true } : undefined),
};

/**
 * A Vite server for sources in tests: no watching, no reloads, and a cache of its own, so that runs
 * at the same time do not clear each other's prebundled dependencies.
 */
export async function createTestServer(config: InlineConfig = {}): Promise<ViteDevServer> {
  if (!existsSync(CACHE)) {
    removeStaleCaches();
    mkdirSync(CACHE, { recursive: true });
    process.once('exit', () => rmSync(CACHE, { recursive: true, force: true }));
  }
  const inTests: InlineConfig = {
    configFile: false,
    base: '/',
    cacheDir: CACHE,
    optimizeDeps: { include: PREBUNDLED_FOR_TESTS },
    customLogger: stderrLogger(),
    server: { watch: null },
    plugins: [FOR_TESTS],
  };
  return createServer(mergeConfig(mergeConfig(shared, inTests), config));
}

/** Those of processes that were killed before they could do it. */
function removeStaleCaches(): void {
  if (!existsSync(CACHES)) return;
  for (const name of readdirSync(CACHES)) {
    const pid = /^tests-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    rmSync(join(CACHES, name), { recursive: true, force: true });
  }
}

/** Warnings and errors only, and past the console, which the test runner intercepts. */
function stderrLogger(): Logger {
  const write = (message: string): void => void process.stderr.write(`${message}\n`);
  return { ...createLogger('warn'), info() {}, warn: write, warnOnce: write, error: write };
}

/** Lets Vite answer for every file of a test page, and the test runner for what is its own. */
export function viteMiddleware(vite: ViteDevServer): Middleware {
  return (context, next) => {
    if (RUNNER_PATHS.test(context.url)) return next();
    return new Promise<void>((done, fail) => {
      context.respond = false; // Vite writes to the response itself.
      context.res.statusCode = 200; // Koa starts from 404, and Vite sets only failures.
      context.res.once('close', done);
      vite.middlewares(context.req, context.res, (error?: unknown) => {
        if (error !== undefined && error !== null) return fail(error);
        context.respond = true;
        context.res.statusCode = 404;
        next().then(done, fail);
      });
    });
  };
}
