/** What an exported page carries besides the script that unpacks it, in three elements of it, in base64: whatever scripts,
 * texts and names hold, they cannot end the element that they stand in.
 *
 *     <script type="text/plain" id="script">    the page's own script, gzipped
 *     <script type="text/plain" id="packet">    a Packet as JSON, gzipped
 *     <script type="text/plain" id="weights">   model.safetensors as it is */
export interface Packet {
  readonly version: string;
  /** Of the run or model. */
  readonly name: string;
  readonly weights: 'f32' | 'f16';
  /** The code of the engine's worker. */
  readonly worker: string;
  /** The other files of the model, and what its run recorded, by name. */
  readonly files: Readonly<Record<string, string>>;
}
