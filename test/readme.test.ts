import { expect } from 'chai';

/** The README, as the test server hands it out. */
async function readme(): Promise<string> {
  const response = await fetch('/README.md');
  if (!response.ok) throw new Error(`README.md: ${response.status}`);
  return response.text();
}

/** In a script of its own, out of sight of Vite, which would rewrite a dynamic import. */
function run(source: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.type = 'module';
    script.textContent = `${source}\ndispatchEvent(new Event('readme-done'));`;
    addEventListener('readme-done', () => resolve(), { once: true });
    script.onerror = () => reject(new Error('the example does not load'));
    document.head.append(script);
  });
}

describe('the README', function () {
  this.timeout(30_000);

  it('has an example that runs, and prints what its comments say', async () => {
    const example = /```js\n([^]*?)```/.exec(await readme())?.[1];
    if (example === undefined) throw new Error('the README has no example');
    const entry = new URL('/src/index.ts', location.href).href;
    const network = `readme-${performance.timeOrigin}`;
    const source = example.replace("'tabring'", `'${entry}'`).replace('my-app', network);
    const lines: string[] = [];
    const { log } = console;
    console.log = (...words: unknown[]) => lines.push(words.join(' '));
    try {
      await run(source);
    } finally {
      console.log = log;
    }
    const replica = 'true active 1';
    expect(lines).to.deep.equal([
      'alone',
      'hello',
      ...[replica, replica, replica, replica],
      'invalid-argument',
      '',
      'now left',
    ]);
  });

  it('is about twenty lines long in its example', async () => {
    const example = /```js\n([^]*?)```/.exec(await readme())?.[1] ?? '';
    const code = example.split('\n').filter(line => line.trim() !== '' && !line.startsWith('//'));
    expect(code.length).to.be.within(10, 22);
  });
});
