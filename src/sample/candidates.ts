/** The tokens still in the running: entries 0 .. count - 1 of each array, ids ascending. */
export class Candidates {
  count = 0;
  /** The largest logit loaded. */
  max = Number.NEGATIVE_INFINITY;
  readonly ids: Int32Array;
  readonly logits: Float64Array;
  /** Unnormalised probabilities, at most 1; set by applyTemperature. */
  readonly weights: Float64Array;
  /** Scratch of `keepBest`. */
  readonly order: Int32Array;

  constructor(vocabularySize: number) {
    this.ids = new Int32Array(vocabularySize);
    this.logits = new Float64Array(vocabularySize);
    this.weights = new Float64Array(vocabularySize);
    this.order = new Int32Array(vocabularySize);
  }
}
