import type { Bootstrap, Contact } from '../../../src/runtime/bootstrap/bootstrap.ts';
import { openBootstrap } from '../../../src/runtime/bootstrap/open-bootstrap.ts';
import {
  ServerBootstrap,
  type ServerBootstrapConfig,
} from '../../../src/runtime/bootstrap/server-bootstrap.ts';
import { TabringError } from '../../../src/kernel/errors.ts';
import type { Link } from '../../../src/runtime/link/link.ts';

export type OpenOptions = {
  readonly network: string;
  readonly signaling: string | null;
  /** The server alone, without the tabs of this browser. */
  readonly isServerOnly?: boolean;
  /** For the server alone. */
  readonly config?: Partial<ServerBootstrapConfig>;
};

export type Role = { readonly role: 'founder' | 'joiner'; readonly labels: readonly string[] };

/** One bootstrap in a page, with calls that take and give plain data. Errors are told by code. */
export class BootstrapLab {
  readonly traces: string[] = [];
  newcomerCount = 0;
  #bootstrap: Bootstrap | null = null;
  #contacts: readonly Contact[] = [];
  readonly #links: Link[] = [];
  #stop = new AbortController();

  open({ network, signaling, isServerOnly = false, config = {} }: OpenOptions): void {
    const onTrace = (text: string): void => void this.traces.push(text);
    this.#bootstrap =
      isServerOnly && signaling !== null
        ? new ServerBootstrap({ network, signaling, onTrace, config })
        : openBootstrap({ network, signaling, onTrace });
    this.#bootstrap.onLink = link => this.#onNewcomer(link);
  }

  get malformedCount(): number {
    return this.#server.malformedCount;
  }

  get linkKinds(): readonly string[] {
    return this.#links.map(({ kind }) => kind);
  }

  async introduce(holdsStore = false): Promise<Role> {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const introduction = await coded(this.#opened.introduce({ holdsStore, signal }));
    this.#contacts = introduction.role === 'joiner' ? introduction.contacts : [];
    return { role: introduction.role, labels: this.#contacts.map(({ label }) => label) };
  }

  abort(): void {
    this.#stop.abort();
  }

  /** Connects to one of the contacts, and sees that its bytes come back. */
  async connect(contact = 0): Promise<string> {
    const { signal } = new AbortController();
    const link = await coded(this.#contacts[contact]!.connect({ signal }));
    this.#links.push(link);
    await this.echo(this.#links.length - 1);
    return link.kind;
  }

  /** Rejects when the other side is gone. */
  async echo(index = 0): Promise<void> {
    const link = this.#links[index]!;
    const sent = crypto.getRandomValues(new Uint8Array(30_000));
    const received = await new Promise<Uint8Array>((resolve, reject) => {
      link.onMessage = resolve;
      link.onEnd = end => reject(new Error(end));
      link.send(sent);
    });
    if (received.join() !== sent.join()) throw new Error('other bytes came back');
  }

  /** Becomes a member the way a peer does. */
  async join(holdsStore = false): Promise<Role> {
    const role = await this.introduce(holdsStore);
    if (role.role === 'joiner') await this.connect();
    this.setMember(true);
    return role;
  }

  setMember(isMember: boolean): void {
    this.#opened.setMember(isMember);
  }

  async findMembers(): Promise<readonly string[]> {
    const { signal } = new AbortController();
    this.#contacts = await coded(this.#opened.findMembers({ signal }));
    return this.#contacts.map(({ label }) => label);
  }

  iceServers(): Promise<readonly RTCIceServer[]> {
    return this.#opened.iceServers();
  }

  close(): void {
    this.#opened.close();
  }

  get #opened(): Bootstrap {
    if (this.#bootstrap === null) throw new Error('nothing is open');
    return this.#bootstrap;
  }

  get #server(): ServerBootstrap {
    if (!(this.#bootstrap instanceof ServerBootstrap)) throw new Error('not the server alone');
    return this.#bootstrap;
  }

  #onNewcomer(link: Link): void {
    this.newcomerCount++;
    this.#links.push(link);
    link.onMessage = message => link.send(message);
  }
}

/** Errors cross over to Node as their message only. */
async function coded<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof TabringError) throw new Error(`code ${error.code}`, { cause: error });
    throw error;
  }
}

declare global {
  var pageLab: BootstrapLab;
}

globalThis.pageLab = new BootstrapLab();
