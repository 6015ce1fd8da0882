/** Drives headless Chromium over its debugging pipe (file descriptors 3 and 4, JSON ended by NUL): no package needed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** Where Chromium is, or undefined. */
export const chromiumPath: string | undefined = [
  '/usr/bin/chromium',
  ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chromium')),
].find((path) => existsSync(path));

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export interface View {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
  readonly media?: 'screen' | 'print';
}

export class Browser {
  /** What the page complained about: console messages, exceptions, refused or failed loads. */
  readonly complaints: string[] = [];
  /** Every address the page asked for. */
  readonly requests: string[] = [];
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #gone: Promise<void>;
  readonly #events = new Map<string, (params: Readonly<Record<string, unknown>>) => void>();
  #next = 0;
  #session: string | undefined;

  constructor(path: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'inkling-chromium-'));
    this.#process = spawn(
      path,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
        `--user-data-dir=${this.#folder}`,
        '--remote-debugging-pipe',
      ],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    this.#gone = new Promise((resolve) => {
      this.#process.once('close', () => {
        const error = { message: 'the browser has ended' };
        for (const answer of this.#waiting.values()) answer({ error });
        resolve();
      });
    });
    let text = '';
    (this.#process.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (text + chunk).split('\0');
      text = messages.pop()!;
      for (const message of messages) this.#receive(JSON.parse(message) as Message);
    });
  }

  /** Loads a page and waits until it has. */
  async open(url: string, { width = 1200, scheme = 'light', media = 'screen' }: View = {}): Promise<void> {
    if (this.#session === undefined) {
      const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
      const attached = await this.send('Target.attachToTarget', { targetId, flatten: true });
      this.#session = attached['sessionId'] as string;
      for (const domain of ['Runtime', 'Log', 'Page', 'Network']) await this.send(`${domain}.enable`);
    }
    const mobile = width < 600;
    const deviceScaleFactor = mobile ? 2 : 1;
    await this.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor, mobile });
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.send('Emulation.setEmulatedMedia', { features, media });
    const loaded = this.next('Page.loadEventFired');
    await this.send('Page.navigate', { url });
    await loaded;
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (answer['exceptionDetails'] !== undefined) throw new Error(JSON.stringify(answer['exceptionDetails']));
    return (answer['result'] as { value: T }).value;
  }

  send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#next;
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) =>
        error === undefined ? resolve(result ?? {}) : reject(new Error(`${method}: ${error.message}`)),
      );
    });
  }

  /** What the next event of a kind tells. */
  next(method: string): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve) => this.#events.set(method, resolve));
  }

  async close(): Promise<void> {
    this.#session = undefined;
    if (this.#process.exitCode === null) this.send('Browser.close').catch(() => {});
    await this.#gone;
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #receive({ id, method, params, ...message }: Message): void {
    if (id !== undefined) {
      this.#waiting.get(id)?.(message);
      this.#waiting.delete(id);
      return;
    }
    this.#events.get(method!)?.(params ?? {});
    const alarms = [
      'Runtime.consoleAPICalled',
      'Runtime.exceptionThrown',
      'Log.entryAdded',
      'Network.loadingFailed',
    ];
    if (alarms.includes(method!)) this.complaints.push(`${method} ${JSON.stringify(params)}`);
    if (method === 'Network.requestWillBeSent')
      this.requests.push((params!['request'] as { url: string }).url);
  }
}
