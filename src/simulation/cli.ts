import { parseArgs } from 'node:util';
import { growStoreCrash, type GrowOptions } from './grow-store-crash.ts';

const USAGE = `npm run sim -- [options]

Grows a ring of simulated peers, stores keys, crashes peers one at a time with time to repair
between, and reads everything back. The same seed gives the same run, event for event.

  --nodes N      peers to grow the ring to, 1 to 10,000 (default 32)
  --seed N       seed of all that is random, 0 to 4294967295 (default 1)
  --keys N       keys to store, 0 to 100,000 (default 64)
  --crashes N    peers to crash, at most N - 4 (default: a quarter of the peers)
  --degree N     replicas of each key, 1 to 8 (default 4)
  --plain        hand messages over without encoding them: faster, for large runs
  --json         print one JSON object as the last line
  --help         this text

The exit code is 1 when anything was lost, two peers claimed the same identifier while peers only
joined, or the ring is not perfect at the end; 2 when an option is wrong.`;

class UsageError extends Error {}

function integer(name: string, text: string | undefined, range: [number, number]): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  const [least, most] = range;
  if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most) {
    throw new UsageError(`--${name} is an integer from ${least} to ${most}, not "${text}"`);
  }
  return value;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        nodes: { type: 'string' },
        seed: { type: 'string' },
        keys: { type: 'string' },
        crashes: { type: 'string' },
        degree: { type: 'string' },
        plain: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function optionsOf(values: ReturnType<typeof parse>): GrowOptions {
  const nodes = integer('nodes', values.nodes, [1, 10_000]) ?? 32;
  const degree = integer('degree', values.degree, [1, 8]) ?? 4;
  // Enough are left that replicas can be put on different peers.
  const mostCrashes = Math.max(0, nodes - 4);
  const crashes = integer('crashes', values.crashes, [0, mostCrashes]);
  return {
    nodes,
    degree,
    seed: integer('seed', values.seed, [0, 2 ** 32 - 1]) ?? 1,
    keys: integer('keys', values.keys, [0, 100_000]) ?? 64,
    // With fewer than three replicas a crash loses what only the crashed peer had.
    crashes: crashes ?? (degree < 3 ? 0 : Math.min(mostCrashes, Math.floor(nodes / 4))),
    hasCodec: values.plain !== true,
    onProgress: progressOf(process.stderr.isTTY),
  };
}

function progressOf(isTerminal: boolean): (text: string, share: number) => void {
  if (!isTerminal) return () => undefined;
  return (text, share) => {
    const bar = '#'.repeat(Math.round(share * 30)).padEnd(30);
    process.stderr.write(`\r[${bar}] ${text}`.padEnd(70));
    if (share === 1) process.stderr.write('\r'.padEnd(71) + '\r');
  };
}

function main(): number {
  const values = parse(process.argv.slice(2));
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const options = optionsOf(values);
  const report = growStoreCrash(options);
  for (const fault of report.faults) console.error(`violation: ${fault}`);
  if (report.violations > 0) {
    console.error(`again: npm run sim -- ${process.argv.slice(2).join(' ')}`);
  }
  const { faults: _, ...figures } = report;
  if (values.json) console.log(JSON.stringify(figures));
  else for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  return report.violations > 0 ? 1 : 0;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
