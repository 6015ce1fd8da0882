import { describe, expect, it } from 'vitest';
import { mutate } from '../support/mutations.ts';

describe('a checkpoint damaged in one place', () => {
  it('is refused with one line or loads to identical numbers, in 300 ways', async () => {
    const { refused, same, wrong } = await mutate(300, 1);
    expect(wrong).toEqual([]);
    expect(refused + same).toBe(300);
    // A damage that is none, such as a file put in the place of the same one, must stay the exception.
    expect(refused).toBeGreaterThan(255);
  });

  it('and without checksums, as a folder from elsewhere: never a crash, a half, or an error of several lines', async () => {
    const { refused, wrong } = await mutate(200, 2, { checksums: false });
    expect(wrong).toEqual([]);
    expect(refused).toBeGreaterThan(40);
  });
});
