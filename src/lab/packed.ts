/** What stands in an exported page besides its first script: see packet.ts. */

/** What an element holds in base64. The element goes, so that a large model is not held twice. */
export function bytesOf(id: string): Uint8Array<ArrayBuffer> {
  const element = document.getElementById(id)!;
  const binary = atob(element.textContent);
  element.remove();
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** The text that an element holds, gzipped. */
export function unpacked(id: string): Promise<string> {
  if (typeof DecompressionStream === 'undefined') {
    throw new Error('this browser is too old; Chromium 91, Firefox 113 and Safari 16.4 are new enough');
  }
  const stream = new Blob([bytesOf(id)]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}
