import fc from 'fast-check';

/** Code points of every plane, those of one to four bytes alike; no surrogates. */
const codePoint = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0x7ff }),
  fc.integer({ min: 0x800, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0xffff }),
  fc.integer({ min: 0x10000, max: 0x10ffff }),
);

/** Any text that UTF-8 can hold. */
export const anyText = fc.array(codePoint, { maxLength: 20 }).map((codes) => String.fromCodePoint(...codes));
