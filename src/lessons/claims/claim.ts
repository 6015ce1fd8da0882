/** What a lesson is about, as plain data that a page can load. */
export type Verdict = 'holds' | 'holds with a condition' | 'wrong';

export interface Claim {
  readonly number: number;
  readonly title: string;
  /** What lecture notes say, in our words. */
  readonly claim: string;
  readonly verdict: Verdict;
  /** nothing: its numbers are exact, the same on every machine. clock: some are times. model: it looks at the model at hand.
   * training: it trains small ones. */
  readonly needs: 'nothing' | 'clock' | 'model' | 'training';
  /** The command or the view of the lab that shows it. */
  readonly shown: string;
  /** The file that computes it. */
  readonly source: string;
  /** To check oneself by. */
  readonly question: string;
  readonly answer: string;
}
