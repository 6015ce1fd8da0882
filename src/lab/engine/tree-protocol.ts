/** What is asked and told of beam search as a tree: see tree.ts. */
import type { Tokens } from './protocol.ts';

export interface TreeRequest {
  readonly text: string;
  /** Texts that beam search keeps, at most beamWidth. */
  readonly width: number;
  /** Tokens. */
  readonly depth: number;
  readonly lengthPenalty: number;
  /** Ends a text, if given. */
  readonly stop: string;
  /** Texts that are drawn, at most beamWidth; each has random numbers of its own. */
  readonly draws: number;
  readonly temperature: number;
  readonly seed: number;
}

/** A token after those above it: one that beam search considered, or that was drawn. */
export interface TreeNode {
  /** Where its parent stands in the list; -1 is the prompt. A parent stands before its children. */
  readonly parent: number;
  /** Tokens after the prompt, this one among them. */
  readonly depth: number;
  readonly id: number;
  /** The model's own, after its parent. */
  readonly probability: number;
  /** Of all tokens from the prompt to here: log P, and what the search ranks by. */
  readonly logProbability: number;
  readonly score: number;
  /** Its place among all that was considered for this depth, from 1; 0 if it was only drawn. */
  readonly rank: number;
  /** Whether the search went on with it. */
  readonly kept: boolean;
  /** Which of the drawn texts it is in. */
  readonly drawn: readonly number[];
}

export interface Tree extends Tokens {
  readonly nodes: readonly TreeNode[];
  /** What the search found, the best first: where each text ends in the tree. */
  readonly found: readonly {
    readonly node: number;
    readonly text: string;
    readonly logProbability: number;
    readonly score: number;
  }[];
  readonly drawn: readonly {
    readonly node: number;
    readonly text: string;
    readonly logProbability: number;
  }[];
}
