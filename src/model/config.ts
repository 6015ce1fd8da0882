export interface ModelConfig {
  readonly arch: 'gpt2';
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly channels: number;
  readonly heads: number;
  readonly layers: number;
  readonly feedForward: number;
  readonly dropout: number;
}
