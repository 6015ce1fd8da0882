/** Standard output: plain lines when piped; on a terminal also one line that is rewritten in place. */

export class Terminal {
  readonly interactive = process.stdout.isTTY === true;
  #transient = false;

  line(text: string): void {
    this.#clear();
    process.stdout.write(`${text}\n`);
  }

  /** Shown until the next line, on a terminal only, cut to its width. */
  progress(text: string): void {
    if (!this.interactive) return;
    this.#clear();
    process.stdout.write(text.slice(0, (process.stdout.columns || 80) - 1));
    this.#transient = true;
  }

  #clear(): void {
    if (this.#transient) process.stdout.write('\r\x1b[K');
    this.#transient = false;
  }
}
