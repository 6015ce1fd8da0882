import { Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { note, show, write } from '../../src/cli/host/output.ts';

/** A stream that takes what it gets when told to. */
function slow(isTTY = false) {
  const taken: string[] = [];
  let goOn: (error?: Error) => void = () => {};
  const stream = Object.assign(
    new Writable({
      highWaterMark: 4,
      decodeStrings: false,
      write(chunk: string, _, done) {
        taken.push(chunk);
        goOn = done;
      },
    }),
    { isTTY },
  ) as unknown as NodeJS.WriteStream;
  return { stream, taken, goOn: (error?: Error) => goOn(error) };
}
/** Whether the promise is settled once all that waits has run. */
async function isSettled(promise: void | Promise<void>): Promise<boolean> {
  let settled = false;
  void Promise.resolve(promise).then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('write', () => {
  it('has nothing to wait for while the reader keeps up, and waits for one that does not', async () => {
    const { stream, taken, goOn } = slow();
    expect(write('ab', stream)).toBeUndefined();
    const waiting = write('cd', stream);
    expect(await isSettled(waiting)).toBe(false);
    goOn();
    goOn();
    expect(await isSettled(waiting)).toBe(true);
    expect(taken).toEqual(['ab', 'cd']);
    expect(stream.listenerCount('drain') + stream.listenerCount('close')).toBe(0);
  });

  it('does not wait for ever where writing failed', async () => {
    const { stream, goOn } = slow();
    const failed = vi.fn();
    stream.on('error', failed);
    const waiting = write('abcd', stream);
    goOn(new Error('EIO'));
    expect(await isSettled(waiting)).toBe(true);
    expect(failed).toHaveBeenCalledOnce();
  });
});

describe('show', () => {
  it('spells out on a terminal what that would obey, and leaves a pipe the characters', () => {
    const hostile = 'a\u001b]0;x\u0007\u202eb\n';
    const [terminal, pipe] = [slow(true), slow()];
    void show(hostile, terminal.stream);
    void show(hostile, pipe.stream);
    expect(terminal.taken).toEqual(['a\\u001b]0;x\\u0007\\u202eb\n']);
    expect(pipe.taken).toEqual([hostile]);
  });
});

describe('note', () => {
  it('is one line on standard error', () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    note('a folder\n\u001b[2J');
    expect(said.mock.calls).toEqual([['a folder\\n\\u001b[2J']]);
    said.mockRestore();
  });
});
